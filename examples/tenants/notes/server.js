// curl -d 'buy milk' http://localhost:8080/notes ; curl http://localhost:8080/notes
const http = require('http');
const notes = [];
http.createServer((req, res) => {
  if (req.method !== 'POST') return res.end(notes.map((note) => `- ${note}\n`).join(''));
  let text = '';
  req.setEncoding('utf8').on('data', (piece) => { text += piece; }).on('end', () => {
    notes.push(text.slice(0, 200));
    res.end(`${process.env.GREETING}: ${notes.length}\n`);
  });
}).listen(80);
