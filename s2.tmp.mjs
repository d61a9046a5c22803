import { StoreProcess } from './dist/server/hub/history/chdb/store-process.js';
import { ClickHouse } from './dist/server/hub/history/clickhouse.js';
import { pino } from 'pino'; import {execSync} from 'node:child_process';
const p=new StoreProcess('/tmp/hx/full/h',pino());
await p.started().catch(e=>console.log(e.message));
const at={socketPath:'/tmp/hx/full/h/socket'};
const e=new ClickHouse({name:'chdb',at,database:'f',user:'',password:''});
console.log(await e.rows('select count() c, uniq(p) u from t').catch(x=>x.message));
try{await e.insert('t',['p','r'],[Buffer.concat([Buffer.alloc(8),Buffer.from([1,65])])],'tx')}catch(x){console.log(x.problem,x.code,x.message)}
for(const id of [10,11,12]) try{await e.command(`alter table t drop partition id '${id}'`);console.log('dropped')}catch(x){console.log('drop',x.problem,x.code,x.message)}
console.log(execSync('df -k /tmp/hx/full | tail -1').toString());
await p.stop();
