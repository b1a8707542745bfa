"""The page on which a person looks through a sample: one file, no network; marks become the form's CSV."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from anonymization.entities import TAGS
from governance.deidentification.review import FORM, Item

_STYLE: Final = """
body{font:16px/1.7 "Noto Sans CJK SC","PingFang SC","Microsoft YaHei",system-ui,sans-serif;color:#1c2b33;
max-width:960px;margin:1.5rem auto;padding:0 1rem 5rem}
small,.en{color:#5d7079}article{border:1px solid #d8e1e5;border-radius:6px;padding:.6rem 1rem;margin:1rem 0}
article.done{border-color:#5f8a3a;background:#f6faf3}pre{white-space:pre-wrap;font:inherit;margin:.4rem 0}
ins{background:#e3eef1;text-decoration:none;border-radius:3px}li b{background:#ffd0c2}
footer{position:fixed;bottom:0;left:0;right:0;background:#fff;border-top:1px solid #d8e1e5;padding:.6rem 1rem;
text-align:center}button,select{font:inherit;padding:.1rem .6rem}.warn{background:#fff3d6;padding:.4rem .8rem}
"""
_SCRIPT: Final = """
const finds=[],done=new Set();
function article(node){while(node&&node.nodeName!=='ARTICLE')node=node.parentNode;return node}
function mark(button){const box=article(button),chosen=String(getSelection()).trim();
 if(!chosen||article(getSelection().anchorNode)!==box){
  alert('请先选中本条文本中的残留 · Select the residue first');return}
 const kind=box.querySelector('select').value;finds.push([box.id.slice(1),chosen,kind]);
 const line=document.createElement('li'),word=document.createElement('b');word.textContent=chosen;
 line.append(word,' '+kind+' ');const undo=document.createElement('button');undo.textContent='撤销 undo';
 const entry=finds[finds.length-1];undo.onclick=()=>{finds.splice(finds.indexOf(entry),1);line.remove()};
 line.append(undo);box.querySelector('ul').append(line);finish(box,true)}
function finish(box,on){box.classList.toggle('done',on);box.querySelector('input').checked=on;
 on?done.add(box.id.slice(1)):done.delete(box.id.slice(1));
 document.getElementById('count').textContent=done.size}
function cell(value){return '"'+String(value).replaceAll('"','""')+'"'}
function save(){const rows=[HEAD];document.querySelectorAll('article').forEach(box=>{const id=box.id.slice(1);
 const own=finds.filter(f=>f[0]===id);if(!own.length)rows.push([id,done.has(id)?'1':'','','','']);
 own.forEach(f=>rows.push([id,'1',f[1],f[2],'']))});
 const csv='\\ufeff'+rows.map(r=>r.map(cell).join(',')).join('\\r\\n')+'\\r\\n';
 const link=document.createElement('a');link.href=URL.createObjectURL(new Blob([csv],{type:'text/csv'}));
 link.download='form.csv';link.click()}
"""


def review_page(items: Sequence[Item], seed: str) -> str:
    """Return the page of a sample."""
    kinds = "".join(f'<option value="{kind}">{escape(name)} {kind}</option>' for kind, name in TAGS.items())
    head = ",".join(f"'{name}'" for name in FORM)
    return "\n".join(
        [
            '<!doctype html><html lang="zh"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width,initial-scale=1"><title>去标识抽样复核</title>',
            f"<style>{_STYLE}</style></head><body><h1>去标识抽样复核 <span class='en'>residual review</span></h1>",
            '<p class="warn">文本可能有漏处理的标识符，按患者资料保管，用后随文件夹删除。<br>',
            '<span class="en">Something may have been missed in these texts: handle them as patient data.</span></p>',
            "<p>逐条阅读：发现能指认个人的内容，选中它，选类型，按“标记残留”；看完勾选“已复核”。最后保存 CSV。",
            '<br><span class="en">Read each text. Select what tells who somebody is, choose its type, mark it;',
            "tick each text when read; save the CSV at the end.</span> 底色 shaded: 已替换 replaced.</p>",
            f"<p><small>{len(items)} 份 texts · 种子 seed {escape(seed)}</small></p>",
            *(_article(item, kinds) for item in items),
            '<footer>已复核 reviewed <b id="count">0</b> / '
            f'{len(items)} <button onclick="save()">保存 CSV · save</button></footer>',
            f"<script>const HEAD=[{head}];{_SCRIPT}</script></body></html>",
        ]
    )


def _article(item: Item, kinds: str) -> str:
    return (
        f'<article id="i{item.number}"><small>#{item.number} · {escape(item.stratum)}</small>'
        f"<pre>{_shaded(item)}</pre><select>{kinds}</select> "
        '<button onclick="mark(this)">标记残留 · mark</button> '
        '<label><input type="checkbox" onchange="finish(article(this),this.checked)"> 已复核 reviewed</label><ul></ul>'
        "</article>"
    )


def _shaded(item: Item) -> str:
    pieces, position = [], 0
    for start, end, kind in sorted(item.spans):
        inside = f'<ins title="{escape(kind)}">{escape(item.text[start:end])}</ins>'
        pieces += [escape(item.text[position:start]), inside]
        position = end
    return "".join([*pieces, escape(item.text[position:])])
