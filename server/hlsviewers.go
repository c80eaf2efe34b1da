package server

import (
	"net/http"
	"net/netip"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"oneport/api"
)

// hlsViewer is a player of HLS, known by the id in its requests. It is over when no request has come for two windows.
type hlsViewer struct {
	identity
	server *Server
	from   netip.Addr
	sent   atomic.Uint64
	kicked atomic.Bool
	seen   time.Time // of the last request; under the table's lock
}

// hlsViewers finds viewers of HLS. There are at most so many as max_connections says; more are served without an id. Anybody can
// have any number of ids for nothing, so when there is no room an address that has many makes some for one that has few.
type hlsViewers struct {
	mu     sync.Mutex
	ids    map[string]*hlsViewer
	of     map[netip.Addr]int // how many there are of each address
	swept  time.Time
	looked time.Time // when nobody could make room, and nobody has left since
	enough int       // for an address that had so many

	unlisted  atomic.Uint64 // requests for which there was no room
	displaced atomic.Uint64 // viewers that made room
}

// hlsID is what an id looks like; players may come back with one that we have forgotten.
var hlsID = regexp.MustCompile(`^[a-z0-9]{8}$`)

// enter finds the viewer, or makes one. It is a first request if it has no id, or that of another stream's viewer: then it is to
// be told one.
func (q *segmentRequest) enter(id string) (first bool, err error) {
	t := &q.server.hlsViewers
	t.sweep(q.server)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := q.meet(id); err != nil || q.viewer != nil {
		return false, err
	}
	from, now := addressOf(q.r.RemoteAddr), time.Now()
	full := len(t.ids) >= q.server.config.MaxConnections
	if full && (t.inVain(from, now) || !t.makeRoom(from, now)) {
		t.unlisted.Add(1)
		return false, nil
	}
	first = !hlsID.MatchString(id) || t.ids[id] != nil
	for first && (!hlsID.MatchString(id) || t.ids[id] != nil) {
		id = randomText(8)
	}
	if t.ids == nil {
		t.ids, t.of = make(map[string]*hlsViewer), make(map[netip.Addr]int)
	}
	v := &hlsViewer{
		identity: identity{origin: httpOrigin(q.r, "hls-play", q.key.name.App), id: id, name: q.key.name, created: now},
		server:   q.server, from: from, seen: now,
	}
	t.ids[id] = v
	t.of[from]++
	q.viewer = v
	q.server.stats.joined.Add(1)
	q.server.log.Info("session started", "session", id, "stream", v.name.String(), "role", "play", "transport", v.kind, "remote", v.remote)
	return first, nil
}

// inVain says that makeRoom need not be asked again so soon: it finds none for an address that has more than the last one had.
func (t *hlsViewers) inVain(from netip.Addr, now time.Time) bool {
	return now.Sub(t.looked) < sweepEvery && t.of[from] >= t.enough
}

// makeRoom ends the viewer that has been silent for longest among those of the address that has most, if that has more than the
// newcomer's will have. The caller holds the lock.
func (t *hlsViewers) makeRoom(from netip.Addr, now time.Time) bool {
	silent := t.mostSilent(from)
	if silent == nil {
		t.looked, t.enough = now, t.of[from]
		return false
	}
	t.remove(silent)
	t.displaced.Add(1)
	silent.end("no more viewers of HLS can be told apart than max_connections, and its address has the most of them")
	return true
}

// mostSilent is the viewer that is to make room, nil if none is. Who was kicked stays, or the kick would be forgotten.
func (t *hlsViewers) mostSilent(from netip.Addr) (silent *hlsViewer) {
	most := from
	for a, n := range t.of {
		if n > t.of[most] {
			most = a
		}
	}
	if t.of[most] <= t.of[from]+1 {
		return nil
	}
	for _, v := range t.ids {
		if v.from == most && !v.kicked.Load() && (silent == nil || v.seen.Before(silent.seen)) {
			silent = v
		}
	}
	return silent
}

// remove takes a viewer out. The caller holds the lock.
func (t *hlsViewers) remove(v *hlsViewer) {
	delete(t.ids, v.id)
	if t.of[v.from]--; t.of[v.from] == 0 {
		delete(t.of, v.from)
	}
	t.looked = time.Time{}
}

// recognize finds the viewer of an id. The error says that it was kicked.
func (q *segmentRequest) recognize(id string) error {
	t := &q.server.hlsViewers
	t.mu.Lock()
	defer t.mu.Unlock()
	return q.meet(id)
}

// meet is recognize with the lock held. An id belongs to the stream that it was first seen with.
func (q *segmentRequest) meet(id string) error {
	v := q.server.hlsViewers.ids[id]
	if v == nil || v.name != q.key.name {
		return nil
	}
	v.seen = time.Now()
	if v.kicked.Load() {
		return errHLSKickedID
	}
	q.viewer = v
	return nil
}

// count counts what a viewer is sent. Server and stream count for themselves, for they have what nobody in the table was sent too.
func (q *segmentRequest) count(bytes int) {
	if q.r.Method != http.MethodGet {
		return
	}
	if q.viewer != nil {
		q.viewer.sent.Add(uint64(bytes))
	}
	q.server.stats.segmentBytes.Add(uint64(bytes))
	q.server.hubs[q.key.name.Vhost].CountSent(q.key.name, uint64(bytes))
}

// sweepEvery is how often viewers are looked for that have gone.
const sweepEvery = time.Second

// all are the viewers that are there and were not kicked; those that have gone are removed.
func (t *hlsViewers) all(s *Server) (list []*hlsViewer) {
	t.sweep(s)
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, v := range t.ids {
		if !v.kicked.Load() {
			list = append(list, v)
		}
	}
	return list
}

// sweep removes the viewers that have gone.
func (t *hlsViewers) sweep(s *Server) {
	now := time.Now()
	var gone []*hlsViewer
	t.mu.Lock()
	if now.Sub(t.swept) >= sweepEvery {
		t.swept = now
		for _, v := range t.ids {
			if now.Sub(v.seen) > 2*s.config.Vhosts.Find(v.name.Vhost).Settings.HLS.Window {
				t.remove(v)
				gone = append(gone, v)
			}
		}
	}
	t.mu.Unlock()
	for _, v := range gone {
		v.end("no request has come for two windows")
	}
}

// close ends all viewers, when no request can come any more.
func (t *hlsViewers) close(reason error) {
	t.mu.Lock()
	all := t.ids
	t.ids, t.of = nil, nil
	t.mu.Unlock()
	for _, v := range all {
		v.end(reason.Error())
	}
}

func (v *hlsViewer) end(why string) {
	if v.kicked.Load() {
		why = errKicked.Error()
	}
	v.server.log.Info("session ended", "session", v.id, "stream", v.name.String(), "role", "play", "transport", v.kind, "why", why,
		"lasted", v.seen.Sub(v.created).Round(time.Millisecond).String(), "bytes_out", v.sent.Load())
}

// byID finds a viewer that was not kicked.
func (t *hlsViewers) byID(id string) *hlsViewer {
	t.mu.Lock()
	defer t.mu.Unlock()
	if v := t.ids[id]; v != nil && !v.kicked.Load() {
		return v
	}
	return nil
}

// dismiss kicks a viewer: what it asks for from now on is not there.
func (v *hlsViewer) dismiss(error) { v.kicked.Store(true) }

func (v *hlsViewer) bytes() (received, sent uint64) { return 0, v.sent.Load() }

// describe is the viewer as the API shows it.
func (v *hlsViewer) describe() api.Client { return v.server.present(v.who(), 0, v.sent.Load()) }

// count leaves the bytes to the server's own counter, which has those of nobody's requests too.
func (v *hlsViewer) count(t *traffic) { t.viewers[v.kind]++ }
