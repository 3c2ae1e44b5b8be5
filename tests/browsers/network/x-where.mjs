import { launch, withAll } from '../harness/index.mjs';
import { answerUpgrade, hangUpgrade } from '../middlebox/modes/refuse-upgrade.mjs';
import { startNetwork } from './network.mjs';
const modes = process.argv[2]==='hang'?[hangUpgrade()]:process.argv[2]==='none'?[]:[answerUpgrade(403,'F')];
const PAGE = `<!doctype html><meta charset="utf-8"><link rel=icon href="data:,"><script src="/dist/polysocket.js"></script><script>
window.go=({router,target})=>new Promise(r=>{ PolySocket.configure({router}); const b=performance.now(); window.t0=performance.timeOrigin+b; const s=new PolySocket(target); s.onopen=()=>{const o=performance.now(); setTimeout(()=>{r({t0:(window.t0).toFixed(1).slice(-8),open:(window.t0+o-b).toFixed(1).slice(-8),took:o-b, way:s.transport+' '+s.reason, res: performance.getEntriesByType('resource').filter(e=>!/polysocket.js/.test(e.name)).map(e=>[e.name.replace(/\\?.*/,'').slice(0,40), ...['startTime','fetchStart','domainLookupStart','domainLookupEnd','connectStart','connectEnd','requestStart','responseStart','responseEnd'].map(k=>e[k]?Math.round((e[k]-b)*10)/10:'-')])})},200)} });
</script>`;
await withAll(async (use)=>{
  const n = await startNetwork(use,{modes,pages:{'/w.html':PAGE}});
  const t0=()=>(performance.timeOrigin+performance.now()).toFixed(1).slice(-8); n.box.trace=(l)=>console.log('      ',t0(),l.slice(0,90));
  const engine = use(await launch(process.env.ENGINE??'chromium'));
  const url = n.pages.visit('/w.html').url;
  for (let i=0;i<3;i++){
    const tab = await engine.open(url);
    for (let l=0;l<3;l++){ if(l) await tab.page.goto(url); const v=await tab.page.evaluate(a=>window.go(a),{router:n.router,target:n.targetUrl('/two-way?id=x')}); console.log(i,l,v.t0,v.open,v.took.toFixed(1),v.way); for(const r of v.res) console.log('   ',r.join(' ')); }
    await tab.close();
  }
});
