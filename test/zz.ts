import { startTessera, freePort } from './support/tessera.ts';
import { encodeCommand, RawClient } from './support/raw-client.ts';
for (const extra of [['--lease','no'],['--lease','yes'],['--lease','no','--io-threads','2','--transport','node-net'],['--io-threads','2']]) {
  const s = await startTessera(extra);
  const a = await s.connect(), b = await s.connect();
  const check = (name: string, got: unknown, want: unknown) => { if (JSON.stringify(got)!==JSON.stringify(want)) console.log('DIFF', extra.join(' '), name, JSON.stringify(got), 'want', JSON.stringify(want)); };
  const all = (c: RawClient, cmds: (string|number)[][]) => Promise.all(cmds.map(w=>c.command(w)));
  // a
  await a.command(['WATCH','k']); await b.command(['SET','k',1]);
  check('stale', await all(a,[['MULTI'],['SELECT',1],['CLIENT','SETNAME','zz'],['EXEC']]), ['+OK\r\n','+QUEUED\r\n','+QUEUED\r\n','*-1\r\n']);
  await a.command(['SET','where',0]);
  check('db after stale', await b.command(['EXISTS','where']), ':1\r\n');
  check('name after stale', await a.command(['CLIENT','GETNAME']), '$-1\r\n');
  await a.command(['SELECT', 0]);
  // b
  a.send(Buffer.concat([['CLIENT','REPLY','OFF'],['SET','x','1'],['GET','x'],['KEYS','*'],['NOSUCH'],['MSET','a','1','b','2'],['CLIENT','REPLY','ON'],['GET','x'],['CLIENT','REPLY','SKIP'],['KEYS','*'],['GET','a'],['CLIENT','REPLY','SKIP'],['GET'],['GET','b'],['CLIENT','REPLY','SKIP'],['MULTI'],['SET','m','1'],['CLIENT','REPLY','SKIP'],['EXEC'],['PING']].map(w=>encodeCommand(w))));
  const got: string[] = []; for (let i=0;i<8;i++) got.push(await a.readReply().catch(e=>String(e)));
  check('reply modes', got.slice(0,4), ['+OK\r\n','$1\r\n1\r\n','$1\r\n1\r\n','$1\r\n2\r\n']); console.log(JSON.stringify(got.slice(4)));
  a.close();
  const c = await s.connect();
  // c
  await b.command(['CLIENT','PAUSE',10000,'WRITE']);
  const t0=Date.now();
  const w = all(c,[['GET','x'],['SET','x',5],['GET','x'],['PING']]);
  const first = await Promise.race([w.then(()=> 'all'), new Promise(r=>setTimeout(()=>r('held'),300))]);
  check('paused', first, 'held');
  check('read by other', await b.command(['GET','x']), '$1\r\n1\r\n');
  check('unpause', await b.command(['CLIENT','UNPAUSE']), '+OK\r\n');
  check('after', await w, ['$1\r\n1\r\n','+OK\r\n','$1\r\n5\r\n','+PONG\r\n']);
  if (Date.now()-t0>2000) console.log('UNPAUSE slow', Date.now()-t0);
  await b.command(['CLIENT','PAUSE',200,'ALL']);
  const t1=Date.now(); check('ping', await c.command(['PING']), '+PONG\r\n'); const dt=Date.now()-t1; if (dt<150||dt>800) console.log('PAUSE ALL took', dt);
  // d
  const id = (await c.command(['CLIENT','ID'])).slice(1,-2);
  const p = all(c, Array.from({length:50},(_,i)=>['DEBUG','SLEEP','0.01'])).catch(e=>String(e));
  await new Promise(r=>setTimeout(r,50));
  check('kill', await b.command(['CLIENT','KILL','ID',id]), ':1\r\n');
  console.log(String(await p).slice(0,60));
  check('list', (await b.command(['CLIENT','LIST'])).split('\n').filter(l=>l.includes('id=')).length, 1);
  // e
  const busy = await Promise.all(Array.from({length:4},()=>s.connect())); let done=false;
  const load = busy.map(async (x,i)=>{ while(!done) await all(x, Array.from({length:50},(_,k)=>k%2?['SET','k'+k,k]:['MGET','k1','k2','k3'])); });
  const port2 = await freePort();
  for (let i=0;i<5;i++) check('config', await b.command(['CONFIG','SET','hz',String(10+i),'timeout',String(100+i)]), '+OK\r\n');
  const t2=Date.now(); check('port', await b.command(['CONFIG','SET','port',port2]), '+OK\r\n'); if (Date.now()-t2>1000) console.log('slow port', Date.now()-t2);
  const n = await RawClient.connect(port2); check('new port', await n.command(['PING']), '+PONG\r\n');
  check('old port', await s.connect().then(()=> 'open', ()=> 'closed'), 'closed');
  done=true; await Promise.all(load);
  console.log(extra.join(' '), 'exit', await s.stop());
  if (s.log().includes('BUG')) console.log(s.log().slice(-2000));
  for (const x of [b,c,n,...busy]) x.close();
}
