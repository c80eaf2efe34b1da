package server

import (
	"net"
	"net/http"
	"sync"
)

// callers are the HTTP connections without a request: those that have not made their first one yet, or have sent its header only,
// bounded as all newcomers are; and those that are kept open for another. Of these there may be as many as there are descriptors,
// for a player of HLS has one between any two requests: they are known so that they can make room.
type callers struct {
	fresh, idle newcomers
	places      sync.Map // of *callerPlace by net.Conn
}

// callerPlace is where a connection is noted.
type callerPlace struct {
	among *newcomers
	in    *newcomer
}

// note follows a connection through its states, as http.Server tells them, one after the other. A connection is active from
// when the header of a request is complete.
func (h *callers) note(c net.Conn, state http.ConnState) {
	if p, ok := h.places.LoadAndDelete(c); ok {
		p := p.(*callerPlace)
		p.among.leave(p.in)
	}
	var among *newcomers
	switch state {
	case http.StateNew:
		among = &h.fresh
	case http.StateIdle:
		among = &h.idle
	default:
		return
	}
	h.places.Store(c, &callerPlace{among, among.enter(c)})
}

// reads says that the body of a request is being read, until what it returns is called: its connection is as fresh as before. One of
// HTTP/2 is left alone, for it has other requests too.
func (h *callers) reads(r *http.Request) (done func()) {
	c, ok := r.Context().Value(connection{}).(net.Conn)
	if !ok || r.ProtoMajor != 1 {
		return func() {}
	}
	in := h.fresh.enter(c)
	return func() { h.fresh.leave(in) }
}
