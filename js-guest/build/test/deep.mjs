// Texts that recurse without end or bound, in every way that was found to lead through C. The engine must answer each
// with a value or an error, never a trap. Only data: the harness is engine.test.mjs (the host has its own, case M04).

const MANY = 2e5;

// Nested source: [opening, closing, what stands in the middle].
const NESTED = {
  paren: ['(', ')', '1'], array: ['[', ']'], object: ['({a:', ')}'], block: ['{', '}'], comma: ['(1,', ')', '1'],
  function: ['(function(){', '})'], arrow: ['()=>', '', '1'], arrowBody: ['()=>{', '}'], parameter: ['(a=', ')=>1', '1'],
  template: ['`${', '}`', '1'], not: ['!', '', '1'], minus: ['- ', '', '1'], typeof: ['typeof ', '', '1'],
  delete: ['delete ', '', 'x'], new: ['new ', '', 'x'], newParen: ['new (', ')', 'x'], power: ['2**', '', '1'],
  class: ['(class{a(){', '}})'], heritage: ['(class extends ', '{})', 'A'], field: ['(class{x=', '})', '1'],
  static: ['(class{static{', '}})'], computed: ['(class{[', ']=1})', '1'], getter: ['({get a(){', '}})'],
  property: ['({[', ']:1})', '1'], conditional: ['1?', '', '1'], alternative: ['1?1:', '', '1'], assign: ['a=', '', '1'],
  logical: ['a??=', '', '1'], chain: ['', '?.b', 'a'], member: ['', '.b', 'a'], index: ['a[', ']', '1'],
  call: ['f(', ')', '1'], calls: ['', '()', 'f'], tagged: ['', '`x`', 'f'], spread: ['[...', ']', '[]'],
  if: ['if(1)', '', ';'], else: ['if(1);else ', '', ';'], for: ['for(;;)', '', ';'], forOf: ['for(a of b)', '', ';'],
  do: ['do ', 'while(0)', ';'], try: ['try{', '}catch{}'], catch: ['try{}catch{', '}'], switch: ['switch(1){case 1:', '}'],
  with: ['with(a)', '', ';'], generator: ['function*g(){', '}'], import: ['import(', ')', '1'], sum: ['1+', '', '1'],
  and: ['1&&', '', '1'], unclosed: ['(', ''], unclosedArray: ['([', ''],
};

const PATTERNS = {
  group: ['(', ')'], other: ['(?:', ')'], ahead: ['(?=', ')'], behind: ['(?<=', ')'], either: ['(|', ')'],
  star: ['(?:', ')*'], set: ['[', ']'], notSet: ['[^', ']'], and: ['[a&&', ']'], minus: ['[a--', ']'],
};

const CHAIN = (start, step) => `var p=${start};for(let i=0;i<${MANY};i++)p=${step};`;
const PROXIES = CHAIN('function(){}', 'new Proxy(p,{})');
const BOUND = CHAIN('function(){}', 'Object.defineProperty(p.bind(),"name",{value:""})');
const LISTS = CHAIN('[]', '[p]');
const OBJECTS = CHAIN('{}', '{a:p}');
const ITERATORS = (step) => CHAIN('[1].values()', step);

const RUNNING = [
  'function f(){f()} f()', 'function f(...a){f(...a)} f(1)', 'var o={get x(){return this.x}};o.x', 'var o={set x(v){this.x=v}};o.x=1',
  'function a(){b()} function b(){a()} a()', 'class A{constructor(){new A}} new A', 'class A{x=new A} new A',
  'function* g(){yield* g()} g().next()', 'async function f(){await f()} f()', 'function f(a=f()){} f()', 'function f([a]=f()){} f()',
  'var o={get a(){var {a}=o;return a}};o.a', 'function f(){f.apply(this,arguments)} f(1)', '(function(){}).apply(null,new Array(1e6))',
  'Math.max(...new Array(1e6))', 'var o={toString(){return ""+this}};""+o', 'var o={valueOf(){return +this}};+o',
  'var p=new Proxy({},{get(t,k,r){return r[k]}});p.x', 'var h={};var p=new Proxy({},h);h.__proto__=p;p.x',
  'var o={};var p=new Proxy(o,{});Object.setPrototypeOf(o,p);o.x', 'var o={};var p=new Proxy(o,{});Object.setPrototypeOf(o,p);o.x=1',
  'function f(){[1].map(f)} f()', 'function f(){[2,1].sort(f)} f()', 'function f(){"a".replace(/a/,f)} f()', 'function f(){(0,eval)("f()")} f()',
  'function f(){new Function("f()")()} f()', 'var o={[Symbol.iterator](){return [...this]}};[...o]', 'class F{static [Symbol.hasInstance](x){return x instanceof F}};1 instanceof F',
  'Error.prepareStackTrace=()=>new Error("x").stack;new Error("y").stack', 'JSON.stringify({toJSON(){return JSON.stringify(this)}})',
  'JSON.stringify({},(k,v)=>({a:1}))', 'var x=[];' + LISTS + 'var d;JSON.parse("[1,2]",function(k,v){if(!d){d=1;this[1]=p}return v})',
  ...['[', '{"a":', '[{"a":'].map((open) => `JSON.parse(${JSON.stringify(open)}.repeat(${MANY}))`),
  `JSON.parse("[".repeat(${MANY})+"]".repeat(${MANY}),(k,v)=>v)`,
  ...['p.x', 'p.x=1', '"x" in p', 'delete p.x', 'Object.keys(p)', 'Object.freeze(p)', 'Object.getPrototypeOf(p)', 'Object.setPrototypeOf(p,{})',
    'Object.isExtensible(p)', 'Object.preventExtensions(p)', 'Object.defineProperty(p,"x",{value:1})', 'Array.isArray(p)', 'p()', 'new p',
    'Object.getOwnPropertyDescriptor(p,"x")', '1 instanceof p', '({}) instanceof p', 'Reflect.construct(Array,[],p)', 'p=0'].map((use) => PROXIES + use),
  ...['p()', 'new p', '({}) instanceof p', 'Reflect.construct(Array,[],p)', 'p=0'].map((use) => BOUND + use),
  ...['String(p)', 'p.flat(Infinity)', 'p.toLocaleString()', 'JSON.stringify(p)', 'clone(p)', 'p=0'].map((use) => LISTS + use),
  ...['JSON.stringify(p)', 'JSON.stringify(p,null,2)', 'clone(p)', 'p=0'].map((use) => OBJECTS + use),
  ...['map(x=>x)', 'filter(x=>1)', 'drop(0)', 'take(5)', 'flatMap(x=>[x])'].flatMap((step) => ['p.next()', 'p=0'].map((use) => ITERATORS(`p.${step}`) + use)),
  ITERATORS('p.map(x=>x)') + 'p.return()', ITERATORS('Iterator.concat({[Symbol.iterator]:()=>p})') + '1',
  CHAIN('null', 'new Map([[1,p]])') + 'clone(p)', CHAIN('null', 'new Set([p])') + 'p=0', CHAIN('null', 'new WeakRef({p})') + 'p=0',
  CHAIN('{}', 'Object.create(p)') + 'p.x', CHAIN('Promise.resolve(1)', 'p.then(x=>x)') + 'p=0', 
  'var p="";for(let i=0;i<5000;i++)p="abcdefghi".repeat(99)+p;p.charCodeAt(3)',
  'var w=new WeakMap();(function(){var o={};for(let i=0;i<2e5;i++){let n={};w.set(o,n);o=n}})()', 'import "m1"', 'import {x} from "e1"', 'import * as n from "s1"',
  ...[['var ', '[', ']'], ['(', '{a:', '}'], ['(function(', '[', ']'], ['try{}catch(', '[', ']']].map(
    ([head, open, close]) => `eval("${head}"+"${open}".repeat(${MANY})+"a"+"${close}".repeat(${MANY})+"=1")`),
  '/^(?:(a)|(b))*$/.exec("ab".repeat(1e5))', 'new RegExp("(?:a*)*".repeat(3e3)).test("b")',
];

export const DEEP = [
  ...Object.values(NESTED).map(([open, close, middle = '']) => `eval(${[open, middle, close]
    .map((part, k) => JSON.stringify(part) + (k === 1 ? '' : `.repeat(${MANY})`)).join('+')})`),
  ...Object.values(PATTERNS).map(([open, close]) => `new RegExp(${JSON.stringify(open)}.repeat(${MANY})+${JSON.stringify(close)}.repeat(${MANY}),"v")`),
  ...RUNNING,
];
