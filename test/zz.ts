import { startTessera } from './support/tessera.ts';
import { encodeCommand, type RawClient } from './support/raw-client.ts';
import { Random } from './support/random.ts';
import { writeFileSync } from 'node:fs';
const SIZES = [0, 1, 100, 5000, 65_000, 66_000, 131_000, 270_000, 1_100_000];
const s = await startTessera(process.argv.slice(2));
const random = new Random(Date.now()|0);
let done=false;
async function vanish() { do { const client = await s.connect(); client.socket.pause();
 for (let i=0;i<20;i++) for (const w of [['GET','huge'],['WATCH','huge','x'],['KEYS','*']]) client.send(encodeCommand(w));
 await new Promise(r=>setTimeout(r,5)); client.socket.resetAndDestroy(); } while(!done); }
const cs = await Promise.all([0,1,2].map(()=>s.connect()));
await cs[0]!.command(['SET','huge','h'.repeat(400000)]);
const v = vanish();
await Promise.all(cs.map(async (c,i)=>{ 
  try { for (let r=0;r<6;r++){ const ps=[]; for(let k=0;k<12;k++){ const a=`c${i}:${k%9}`; const one='x'.repeat(random.pick(SIZES)); ps.push(c.command(['SET',a,one]),c.command(['GET',a]),c.command(['MGET',a,a]),c.command(['KEYS',a])); } await Promise.all(ps);} }
  catch(e){ console.log('client', i, 'fd?', c.socket.localPort, String(e).slice(0,100)); done=true; }
}));
done=true; await v; 
console.log('exit', await s.stop()); writeFileSync('/tmp/zz.log', s.log());
