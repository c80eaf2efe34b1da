// The two ways to ask the server for a session: WHIP/WHEP (RFC 9725) and SRS's
// JSON API. Neither knows the DOM nor RTCPeerConnection; fetch may be handed in.

const patience = 10000;
const restartPatience = 3500; // Less than a restart is given in all.
const endPatience = 1000;

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// SignalError is a refusal or a failure to ask. kind is "network", "timeout",
// "http" (status is the HTTP status) or "json" (status is the API's code).
// later says that the server asks to be tried again (Retry-After), after that in
// how many ms if it is told.
export class SignalError extends Error {
  constructor(kind, { url, status = 0, reason = '', later = false, after }) {
    super(reason || `${kind} ${status}`);
    this.name = 'SignalError';
    this.kind = kind;
    this.url = url;
    this.status = status;
    this.reason = reason;
    this.later = later;
    this.after = after;
  }
}

// ask is fetch with an end, and with failures in our own words.
async function ask(fetcher, url, options, ms) {
  try {
    return await fetcher(url, { ...options, cache: 'no-store', credentials: 'omit', signal: AbortSignal.timeout(ms) });
  } catch (error) {
    const late = error?.name === 'TimeoutError' || error?.name === 'AbortError';
    throw new SignalError(late ? 'timeout' : 'network', { url, reason: late ? '' : String(error?.message ?? '') });
  }
}

// refuse reads the server's plain-text reason, which is for people; a long or
// HTML one is not.
export async function refuse(response, url) {
  const type = response.headers.get('Content-Type') ?? '';
  const text = type.includes('html') ? '' : await response.text().catch(() => '');
  return new SignalError('http', { url, status: response.status, reason: text.trim().slice(0, 300), ...retryOf(response) });
}

// retryOf reads Retry-After. A date would be by the server's clock, and is not read.
function retryOf({ headers }) {
  const told = headers.get('Retry-After');
  return { later: told !== null, after: /^\d+$/.test(told ?? '') ? Number(told) * 1000 : undefined };
}

export class WhipSession {
  canRestart = true;
  location = null; // Where the session lives: PATCH and DELETE go there.
  etag = null;
  #url;
  #bearer;
  #fetch;
  #offering = null; // Done when an offer that is under way is answered or refused.

  constructor(url, { bearer = '', fetcher = (...args) => fetch(...args) } = {}) {
    this.#url = url;
    this.#bearer = bearer;
    this.#fetch = fetcher;
  }

  get url() { return this.#url; }

  // offer posts an offer and returns the answer.
  offer(sdp) {
    const answer = this.#post(sdp);
    const over = () => { this.#offering = null; };
    this.#offering = answer.then(over, over);
    return answer;
  }

  async #post(sdp) {
    const options = { method: 'POST', headers: this.#headers({ 'Content-Type': 'application/sdp' }), body: sdp };
    const response = await ask(this.#fetch, this.#url, options, patience);
    if (response.status !== 201 && response.status !== 200) throw await refuse(response, this.#url);
    const location = response.headers.get('Location');
    this.location = location ? new URL(location, response.url || this.#url).href : null;
    this.etag = response.headers.get('ETag');
    const answer = await response.text();
    if (!answer.startsWith('v=')) {
      throw new SignalError('http', { url: this.#url, status: response.status, reason: 'the reply is not SDP' });
    }
    return answer;
  }

  // restart sends the fragment of a new offer and returns the server's.
  async restart(fragment) {
    if (!this.location) throw new SignalError('http', { url: this.#url, reason: 'the session has no address' });
    const headers = this.#headers({ 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*' });
    const response = await ask(this.#fetch, this.location, { method: 'PATCH', headers, body: fragment }, restartPatience);
    if (response.status !== 200) throw await refuse(response, this.location);
    this.etag = response.headers.get('ETag') ?? this.etag;
    return response.text();
  }

  // end tells the server, once it has answered: only the answer says where the
  // session is. leaving means that the page goes away meanwhile. The promise is
  // that the server knows, or that this took too long. It never fails: a session
  // nobody ends times out by itself.
  async end({ leaving = false } = {}) {
    if (this.#offering) await this.#offering; // Else the request leaves at once, as a page that goes away needs it.
    const location = this.location;
    this.location = null;
    if (!location) return;
    const options = { method: 'DELETE', headers: this.#headers({}), keepalive: leaving };
    await Promise.race([ask(this.#fetch, location, options, 2000).catch(() => {}), pause(endPatience)]);
  }

  #headers(headers) {
    return this.#bearer ? { ...headers, Authorization: `Bearer ${this.#bearer}` } : headers;
  }
}

// The server lets another publisher take the place of one that has found no path
// 3 s after its offer.
const forgotten = 3500;

// JsonSession speaks /rtc/v1/publish/ and /rtc/v1/play/. There is no restart and
// no DELETE; the server learns of the end by DTLS. exclusive says that it keeps
// others out, as a publisher does.
export class JsonSession {
  canRestart = false;
  id = '';
  #url;
  #streamURL;
  #bearer;
  #exclusive;
  #fetch;
  #offering = null; // Done when an offer that is under way is answered or refused.
  #answered = -Infinity; // When an offer was last answered.

  constructor(url, streamURL, { bearer = '', exclusive = false, fetcher = (...args) => fetch(...args) } = {}) {
    this.#exclusive = exclusive;
    this.#url = url;
    this.#streamURL = streamURL;
    this.#bearer = bearer;
    this.#fetch = fetcher;
  }

  get url() { return this.#url; }

  offer(sdp) {
    const answer = this.#post(sdp);
    const over = () => { this.#offering = null; };
    this.#offering = answer.then(over, over);
    return answer;
  }

  async #post(sdp) {
    const tid = Math.floor(Math.random() * 2 ** 28).toString(16).padStart(7, '0');
    const body = JSON.stringify({ api: this.#url, tid, streamurl: this.#streamURL, clientip: null, sdp });
    const headers = { 'Content-Type': 'application/json' };
    if (this.#bearer) headers.Authorization = `Bearer ${this.#bearer}`;
    const response = await ask(this.#fetch, this.#url, { method: 'POST', headers, body }, patience);
    if (!response.ok) throw await refuse(response, this.#url);
    const reply = await response.json().catch(() => null);
    if (reply?.code !== 0 || typeof reply.sdp !== 'string') {
      const reason = reply?.reason ?? reply?.msg ?? reply?.error ?? ''; // SRS gives none.
      throw new SignalError('json', { url: this.#url, status: Number(reply?.code ?? 0), reason: String(reason).slice(0, 300), ...retryOf(response) });
    }
    this.id = String(reply.sessionid ?? '');
    this.#answered = performance.now();
    return reply.sdp;
  }

  async restart() {
    throw new SignalError('json', { url: this.#url, reason: 'this API has no ICE restart' });
  }

  // end waits for an answer that is to come. connected says that DTLS is up, so that
  // closing the connection tells the server. Until then nothing can tell it, and a
  // publisher's end is known when the server has forgotten the session by itself.
  async end({ connected = false } = {}) {
    if (this.#offering) await this.#offering;
    const left = this.#answered + forgotten - performance.now();
    if (this.#exclusive && !connected && left > 0) await pause(left);
  }
}
