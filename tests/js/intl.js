// The English that Intl and the methods with `locale` in their name speak; what it prints is checked by tests/e2e_library.rs, and
// Node 20 prints the same (TZ=UTC). Must not know how anything is formatted.
'use strict';

const said = (f) => {
  try {
    const value = f();
    return typeof value === 'string' ? value : JSON.stringify(value);
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
};
const d = new Date(Date.UTC(2024, 1, 5, 15, 4, 9, 70)), e = new Date(Date.UTC(2024, 10, 25, 0, 30, 0));

const cases = [
  () => d.toLocaleString(),
  () => d.toLocaleDateString(),
  () => d.toLocaleTimeString(),
  () => e.toLocaleString('en-US',{timeZone:'UTC'}),
  () => d.toLocaleDateString('en-US',{weekday:'long',year:'numeric',month:'long',day:'numeric'}),
  () => d.toLocaleDateString('en-US',{month:'short',day:'numeric'}),
  () => d.toLocaleDateString(undefined,{year:'numeric',month:'2-digit',day:'2-digit'}),
  () => d.toLocaleTimeString('en-US',{hour:'2-digit',minute:'2-digit'}),
  () => d.toLocaleTimeString('en-US',{hour12:false}),
  () => d.toLocaleTimeString([], {hour:'numeric'}),
  () => d.toLocaleString('en-US',{dateStyle:'medium',timeStyle:'short'}),
  () => d.toLocaleString('en-US',{dateStyle:'full',timeStyle:'long'}),
  () => d.toLocaleString('en-US',{month:'long',year:'numeric'}),
  () => d.toLocaleString('en-US',{weekday:'short'}),
  () => e.toLocaleTimeString('en-US',{hour:'numeric',minute:'2-digit',hourCycle:'h23'}),
  () => d.toLocaleString('en-US',{dateStyle:'short'}),
  () => new Intl.DateTimeFormat('en-US',{hour:'numeric',minute:'numeric',second:'numeric',fractionalSecondDigits:2}).format(d),
  () => Intl.DateTimeFormat().resolvedOptions().timeZone,
  () => Intl.DateTimeFormat().resolvedOptions().locale,
  () => new Intl.DateTimeFormat('en',{timeZoneName:'short'}).format(d),
  () => new Intl.DateTimeFormat('en-US').formatToParts(d),
  () => new Intl.DateTimeFormat('en-US',{timeZone:'Mars/X'}),
  () => new Date(NaN).toLocaleString(),
  () => new Intl.DateTimeFormat('en-US',{hour:'2-digit',minute:'2-digit',second:'2-digit',day:'2-digit',month:'2-digit',year:'numeric',hour12:false,timeZone:'UTC'}).formatToParts(d),
  () => (1234567.891).toLocaleString(),
  () => (1234.5).toLocaleString('en-US',{style:'currency',currency:'USD'}),
  () => (-1234.5).toLocaleString('en-US',{style:'currency',currency:'EUR'}),
  () => (0.256).toLocaleString('en-US',{style:'percent'}),
  () => new Intl.NumberFormat('en-US',{style:'currency',currency:'JPY'}).format(1234.5),
  () => new Intl.NumberFormat().format(123456789n),
  () => new Intl.NumberFormat('en-US',{minimumFractionDigits:2}).format(5),
  () => new Intl.NumberFormat('en-US',{maximumFractionDigits:0}).format(2.5),
  () => new Intl.NumberFormat('en-US',{signDisplay:'always'}).format(5),
  () => new Intl.NumberFormat('en-US',{style:'currency',currency:'USD'}).formatToParts(-1234.5),
  () => new Intl.NumberFormat('en-US',{style:'currency'}),
  () => new Intl.NumberFormat('xx_y'),
  () => new Intl.NumberFormat('en-US',{style:'currency',currency:'USD',maximumFractionDigits:0}).format(1999.99),
  () => new Intl.NumberFormat('en-US',{useGrouping:false}).format(12345.678),
  () => ['b','a','C','A','c','B','é','e','z','ä','1','10','2','_','-a'].sort((a,b)=>a.localeCompare(b)),
  () => ['item 10','item 2','Item 1'].sort(new Intl.Collator(undefined,{numeric:true,sensitivity:'base'}).compare),
  () => ['a'.localeCompare('b'),'b'.localeCompare('a'),'a'.localeCompare('a'),'a'.localeCompare('A'),'A'.localeCompare('a'),'résumé'.localeCompare('resume'),'a'.localeCompare('á',undefined,{sensitivity:'base'}),'a'.localeCompare('A',undefined,{sensitivity:'accent'}),'co-op'.localeCompare('coop')],
  () => [0,1,2,3,11,21,22,23,101].map(n=>new Intl.PluralRules('en-US',{type:'ordinal'}).select(n)),
  () => [0,1,2,1.5].map(n=>new Intl.PluralRules('en').select(n)),
  () => Intl.getCanonicalLocales(['EN-us','zh-hans-cn']),
  () => Intl.NumberFormat.supportedLocalesOf(['en-US','en']),
  () => Object.prototype.toString.call(Intl)+Object.prototype.toString.call(new Intl.Collator()),
  () => new Intl.PluralRules('en').resolvedOptions().pluralCategories,
  () => new Intl.Collator().resolvedOptions(),
  () => Intl.getCanonicalLocales('e'),
  () => new Intl.DateTimeFormat('en-US',{dateStyle:'long',hour:'numeric'}),
  () => [...new Intl.Segmenter().segment('e\u0301a\r\n👨‍👩‍👧🇩🇪🇫🇷👍🏽각\u1100\u1161\u11a8ก็x')].map((s) => [s.segment, s.index]),
  () => new Intl.Segmenter('en').segment('ab').containing(1),
  () => d.toLocaleTimeString('en-US', { minute: 'numeric', second: 'numeric', fractionalSecondDigits: 2 }),
  () => new Intl.DateTimeFormat('en', { fractionalSecondDigits: 4 }),
];

for (const f of cases) console.log(said(f));
