// The directory sync of the npm package @boxyhq/saml-jackson as a peer for benchmarks/scim.py: on PostgreSQL, one process.
// Run by that program: node scim_jackson_peer.mjs <node_modules> <port> <database url>; prints {"path", "secret"} as JSON. Requests
// are handed to it as its own service does; events go to a callback that does nothing, its webhooks being somebody else's.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [folder, port, url] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${folder}/`));
const { default: jackson } = require('@boxyhq/saml-jackson');
const base = `http://127.0.0.1:${port}`;
const { directorySyncController: sync } = await jackson({
  externalUrl: base, samlAudience: base, samlPath: '/saml', scimPath: '/scim/v2.0', acsUrl: `${base}/acs`, noAnalytics: true,
  db: { engine: 'sql', type: 'postgres', url, encryptionKey: 'b'.repeat(32) },
  logger: { info() {}, warn() {}, error: console.error },
});
const { data: directory } = await sync.directories.create({
  name: 'bench', tenant: 'bench', product: 'bench', type: 'generic-scim-v2', webhook_url: `${base}/hook`, webhook_secret: 's',
});
const number = (text) => (text === null ? undefined : Number(text));
createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', async () => {
    const at = new URL(request.url, base), [, , , directoryId, kind, resourceId] = at.pathname.split('/');
    const { status, data } = await sync.requests.handle({
      method: request.method, body: chunks.length ? JSON.parse(Buffer.concat(chunks)) : undefined, directoryId, resourceId,
      resourceType: kind.toLowerCase(), apiSecret: (request.headers.authorization ?? '').split(' ')[1],
      query: {
        count: number(at.searchParams.get('count')), startIndex: number(at.searchParams.get('startIndex')),
        filter: at.searchParams.get('filter') ?? undefined,
      },
    }, async () => {});
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(data));
  });
}).listen(Number(port), '127.0.0.1', () => {
  console.log(JSON.stringify({ path: `/scim/v2.0/${directory.id}`, secret: directory.scim.secret }));
});
