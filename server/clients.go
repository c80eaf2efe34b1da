package server

import (
	"time"

	"oneport/api"
	"oneport/stream"
)

// client is whoever publishes or plays, by whatever protocol.
type client interface {
	who() *identity
	bytes() (received, sent uint64)
	describe() api.Client
	count(*traffic)       // adds it to what all carry
	dismiss(reason error) // ends it, at once or soon
}

// origin is what a client speaks and where it connects from.
type origin struct {
	kind    string // as the API names it: rtc-play, fmle-publish, srt-publish, flv-play
	ip      string // as proxies told it
	local   string
	remote  string
	pageURL string
	tcURL   string
	udp     bool // TCP otherwise
}

// transport is the protocol below the client's.
func (o *origin) transport() string {
	if o.udp {
		return "udp"
	}
	return "tcp"
}

// identity is who a client is, and which stream it publishes or plays. It is set when the client comes.
type identity struct {
	origin
	id      string // in logs and in the API
	name    stream.Name
	publish bool
	created time.Time
}

func (i *identity) who() *identity { return i }

func (i *identity) role() string {
	if i.publish {
		return "publish"
	}
	return "play"
}

// clients lists all of them, sort by sort.
func (s *Server) clients() []client {
	list := gather(nil, s.sessions.all())
	list = gather(list, s.viewers.all())
	list = gather(list, s.hlsViewers.all(s))
	return gather(list, s.ingests.all())
}

func gather[C client](list []client, sort []C) []client {
	for _, c := range sort {
		list = append(list, c)
	}
	return list
}

// clientByID finds a client of whatever sort; nil if there is none.
func (s *Server) clientByID(id string) client {
	if c := s.sessions.byID(id); c != nil {
		return c
	}
	if c := s.viewers.byID(id); c != nil {
		return c
	}
	if c := s.hlsViewers.byID(id); c != nil {
		return c
	}
	if c := s.ingests.byID(id); c != nil {
		return c
	}
	return nil
}

// present is what the API tells of every client alike.
func (s *Server) present(i *identity, received, sent uint64) api.Client {
	now := time.Now()
	return api.Client{
		ID: i.id, Vhost: s.vhostIDs[i.name.Vhost], Stream: s.hubs[i.name.Vhost].ID(i.name), IP: i.ip, PageURL: i.pageURL, TCURL: i.tcURL,
		URL: i.name.String(), Name: i.name.Stream, Type: i.kind, Publish: i.publish, Alive: now.Sub(i.created).Seconds(),
		SendBytes: sent, RecvBytes: received, Kbps: s.rates.kbps(now, i.id, amount{i.created, received}, amount{i.created, sent}),
		Transport: i.transport(), Local: i.local, Remote: i.remote,
	}
}
