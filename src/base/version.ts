/** The version of Tessera itself, as `--version` and the start banner show it. */
export const TESSERA_VERSION = '0.1.0';

/**
 * The Redis version whose behaviour is served: INFO's `redis_version`, HELLO's `version`. Client
 * libraries switch features on by it, so it must not be lower than what they ask for.
 */
export const REDIS_VERSION = '8.0.0';
