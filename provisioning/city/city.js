(()=>{const tell=(q,d)=>[...(d||document).querySelectorAll(q)];
function find(){const box=document.querySelector("#find");if(!box)return;
const wanted=box.value.trim().toLowerCase();
tell(".gateways tbody tr").forEach(row=>{row.hidden=wanted!==""&&!row.textContent.toLowerCase().includes(wanted)})}
function listen(){const box=document.querySelector("#find");if(box)box.addEventListener("input",find)}
async function again(){try{
const answer=await fetch(location.href,{cache:"no-store"});if(!answer.ok)throw answer.status;
const next=new DOMParser().parseFromString(await answer.text(),"text/html").querySelector("main");
const box=document.querySelector("#find"),typed=box?box.value:"",had=box&&document.activeElement===box;
const all=document.querySelector("#all"),open=!all||all.open;
document.querySelector("main").replaceWith(next);
const fresh=document.querySelector("#find"),now=document.querySelector("#all");
if(now)now.open=open;
if(fresh){fresh.value=typed;if(had)fresh.focus({preventScroll:true})}
listen();find();
document.body.classList.remove("stale")}catch(_){document.body.classList.add("stale")}
later()}
const later=()=>setTimeout(again,document.hidden?60000:15000);
listen();later()})()
