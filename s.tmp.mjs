import { StoreProcess } from './dist/server/hub/history/chdb/store-process.js';
import { ClickHouse } from './dist/server/hub/history/clickhouse.js';
import { pino } from 'pino'; import crypto from 'node:crypto'; import {execSync} from 'node:child_process';
const p=new StoreProcess('/tmp/hx/full/h',pino());
await p.started();
const at={socketPath:'/tmp/hx/full/h/socket'};
let e=new ClickHouse({name:'chdb',at,database:'',user:'',password:''});
await e.command('create database f'); e=new ClickHouse({name:'chdb',at,database:'f',user:'',password:''});
await e.command("create table t (p UInt64, r String) engine=MergeTree partition by p order by p settings non_replicated_deduplication_window=100, fsync_after_insert=1, fsync_part_directory=1");
const row=(n)=>{const b=Buffer.alloc(8);b.writeBigUInt64LE(BigInt(n));return Buffer.concat([b,Buffer.from([0x80,0x80,0x40]),crypto.randomBytes(1<<20)])};
let i=0;const errs=[];
for(;i<80;i++){try{await e.insert('t',['p','r'],[row(i),row(i)],'t'+i)}catch(x){console.log(i,x.problem,x.code,x.message);errs.push(x);if(errs.length>4)break}}
console.log(execSync('df -k /tmp/hx/full | tail -1').toString());
console.log(await e.rows('select count() c, uniq(p) u from t').catch(x=>x.message));
for(const id of [0,1,2]) try{await e.command(`alter table t drop partition id '${id}'`);console.log('dropped')}catch(x){console.log('drop',x.problem,x.code,x.message)}
console.log(execSync('df -k /tmp/hx/full | tail -1').toString());
try{await e.insert('t',['p','r'],[row(100)],'t100');console.log('works again')}catch(x){console.log(x.problem,x.code,x.message)}
console.log(await e.rows('select count() c, uniq(p) u from t'));
await p.stop();
