// The npm package oidc-provider as a peer for benchmarks/provider.py: in-memory, seeded with codes, one process.
// Run by that program: node oidc_provider_peer.mjs <node_modules> <port> <RS256|ES256> <codes> <opaque|jwt>; prints a JSON array
// of codes. With jwt its access tokens are signed as the broker's are (RFC 9068), for a resource server of its own.
import { createHash, generateKeyPairSync } from 'node:crypto';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [folder, port, alg, count, form] = process.argv.slice(2);
const api = 'http://127.0.0.1:9/api';
const require = createRequire(pathToFileURL(`${folder}/`));
const { default: Provider } = await import(pathToFileURL(require.resolve('oidc-provider')));
const pair = alg === 'RS256' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ec', { namedCurve: 'P-256' });
const verifier = 'v'.repeat(43);
const redirect = 'http://127.0.0.1:9/callback';
const stored = new Map();
class Memory { // its own development adapter forgets all but the last thousand entries
  constructor(name) { this.name = name; }
  key(id) { return `${this.name}:${id}`; }
  async upsert(id, payload) { stored.set(this.key(id), payload); }
  async find(id) { return stored.get(this.key(id)); }
  async findByUid() { return undefined; }
  async consume(id) { stored.get(this.key(id)).consumed = Math.floor(Date.now() / 1000); }
  async destroy(id) { stored.delete(this.key(id)); }
  async revokeByGrantId() { /* nothing here is used twice */ }
}
const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter: Memory,
  jwks: { keys: [{ ...pair.privateKey.export({ format: 'jwk' }), use: 'sig', alg, kid: 'one' }] },
  clients: [{
    client_id: 'bench', client_secret: 'secret', redirect_uris: [redirect], response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'], id_token_signed_response_alg: alg,
  }],
  features: {
    clientCredentials: { enabled: true }, devInteractions: { enabled: false },
    resourceIndicators: form !== 'jwt' ? { enabled: false } : {
      enabled: true, defaultResource: () => api, useGrantedResource: () => true,
      getResourceServerInfo: () => ({ scope: 'read', audience: api, accessTokenFormat: 'jwt', jwt: { sign: { alg } } }),
    },
  },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  cookies: { keys: ['bench'] },
});
provider.on('grant.error', (ctx, err) => console.error(err.error_detail));
const client = await provider.Client.find('bench');
const codes = [];
for (let number = 0; number < Number(count); number += 1) {
  const grant = new provider.Grant({ accountId: 'alice', clientId: 'bench' });
  grant.addOIDCScope('openid offline_access');
  if (form === 'jwt') grant.addResourceScope(api, 'read');
  const code = new provider.AuthorizationCode({
    accountId: 'alice', client, grantId: await grant.save(), gty: 'authorization_code', scope: 'openid offline_access',
    ...(form === 'jwt' ? { resource: api } : {}), redirectUri: redirect, nonce: 'n', authTime: Math.floor(Date.now() / 1000), codeChallengeMethod: 'S256',
    codeChallenge: createHash('sha256').update(verifier).digest('base64url'),
  });
  codes.push(await code.save());
}
provider.listen(Number(port), '127.0.0.1', () => console.log(JSON.stringify(codes)));
