(()=>{const tell=(q,d)=>[...(d||document).querySelectorAll(q)];
async function again(){try{
const answer=await fetch(location.href,{cache:"no-store"});if(!answer.ok)throw answer.status;
const next=new DOMParser().parseFromString(await answer.text(),"text/html").querySelector("main");
const open=tell("details[open]").map(e=>e.id),at=tell(".scroll").map(e=>e.scrollLeft);
document.querySelector("main").replaceWith(next);
tell("details").forEach(e=>{if(open.includes(e.id))e.open=true});
tell(".scroll").forEach((e,i)=>{e.scrollLeft=at[i]||0});
document.body.classList.remove("stale")}catch(_){document.body.classList.add("stale")}
later()}
const later=()=>setTimeout(again,document.hidden?60000:document.querySelector("main.soon")?2000:10000);
later()})()
