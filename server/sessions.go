package server

import (
	"errors"
	"net/netip"
	"slices"
	"sync"
)

// The caps a new session may meet.
var (
	errTooMany        = errors.New("the server has as many WebRTC sessions as rtc_server.max_sessions allows: try again later")
	errTooManyAddress = errors.New("this address has as many WebRTC sessions as rtc_server.max_sessions_per_address allows")
)

// sessions finds every session by each name it has. It is bounded in total and per client address.
type sessions struct {
	total, perAddress int

	handshakes sync.WaitGroup // that sessions have left behind

	mu     sync.RWMutex
	closed bool
	ufrags map[string]*session // by our ufrag, of which a session has two during an ICE restart
	keys   map[string]*session // by SRS's session id, "ours:theirs" of the POST
	ids    map[string]*session
	from   map[netip.Addr]int
}

func newSessions(total, perAddress int) *sessions {
	return &sessions{
		total: total, perAddress: perAddress,
		ufrags: make(map[string]*session), keys: make(map[string]*session), ids: make(map[string]*session),
		from: make(map[netip.Addr]int),
	}
}

func (t *sessions) byUfrag(ufrag string) *session { return find(t, t.ufrags, ufrag) }
func (t *sessions) byKey(key string) *session     { return find(t, t.keys, key) }
func (t *sessions) byID(id string) *session       { return find(t, t.ids, id) }

func find(t *sessions, in map[string]*session, name string) *session {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return in[name]
}

// close lists the sessions for the last time: none comes in any more.
func (t *sessions) close() []*session {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	return t.all()
}

// all lists the sessions in the order they began.
func (t *sessions) all() []*session {
	t.mu.RLock()
	list := make([]*session, 0, len(t.ids))
	for _, s := range t.ids {
		list = append(list, s)
	}
	t.mu.RUnlock()
	slices.SortFunc(list, func(a, b *session) int { return a.info.created.Compare(b.info.created) })
	return list
}

// add makes s known, unless a cap forbids it or the server stops.
func (t *sessions) add(s *session, ufrag string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.room(s.info.from); err != nil {
		return err
	}
	t.from[s.info.from]++
	t.ufrags[ufrag], t.keys[s.info.key], t.ids[s.info.id] = s, s, s
	s.ufrags = []string{ufrag}
	return nil
}

// vacancy says whether a session from an address would be let in now.
func (t *sessions) vacancy(from netip.Addr) error {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.room(from)
}

func (t *sessions) room(from netip.Addr) error {
	switch {
	case t.closed:
		return errStopping
	case len(t.ids) >= t.total:
		return errTooMany
	case t.from[from] >= t.perAddress:
		return errTooManyAddress
	}
	return nil
}

// rename makes s known by exactly these ufrags.
func (t *sessions) rename(s *session, ufrags []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ids[s.info.id] != s {
		return
	}
	for _, u := range s.ufrags {
		delete(t.ufrags, u)
	}
	for _, u := range ufrags {
		t.ufrags[u] = s
	}
	s.ufrags = ufrags
}

// remove forgets s.
func (t *sessions) remove(s *session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ids[s.info.id] != s {
		return
	}
	delete(t.ids, s.info.id)
	delete(t.keys, s.info.key)
	for _, u := range s.ufrags {
		delete(t.ufrags, u)
	}
	s.ufrags = nil
	if t.from[s.info.from]--; t.from[s.info.from] == 0 {
		delete(t.from, s.info.from)
	}
}
