package server

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"oneport/api"
	"oneport/stream"
)

var errNoPlace error = statusError{http.StatusServiceUnavailable, "the server has as many clients as max_connections allows: try again later"}

// viewer is a client that plays frames: its place in a stream, and what is known of it.
type viewer struct {
	identity
	server *Server
	log    *slog.Logger
	hub    *stream.Hub

	reader *stream.FrameReader
	wake   chan struct{} // capacity 1
	ctx    context.Context
	cancel context.CancelCauseFunc

	queued       bool // it waits for a stream that nobody publishes; of its own goroutine
	sent, frames atomic.Uint64
	playing      atomic.Bool
}

// Wake is called by the stream.
func (v *viewer) Wake(*stream.Stream) { signal(v.wake) }

func (v *viewer) dismiss(reason error)           { v.cancel(reason) }
func (v *viewer) bytes() (received, sent uint64) { return 0, v.sent.Load() }

// watch gives a client its place in a stream. Its connection has taken one of the server's places.
func (s *Server) watch(name stream.Name, from origin) (*viewer, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	id := randomText(8)
	v := &viewer{
		identity: identity{origin: from, id: id, name: name, created: time.Now()},
		server:   s, log: s.log.With("session", id), hub: s.hubs[name.Vhost], wake: make(chan struct{}, 1),
	}
	v.ctx, v.cancel = context.WithCancelCause(context.Background())
	var err error
	if v.reader, err = v.hub.SubscribeFrames(v.created, name, v); err != nil {
		return nil, err
	}
	if err = v.queue(); err == nil {
		err = s.viewers.add(v)
	}
	if err != nil {
		v.unqueue()
		v.reader.Close()
		return nil, err
	}
	s.stats.joined.Add(1)
	return v, nil
}

// queue counts the viewer among those of its address that wait, if there is nothing to play and that has not been done.
func (v *viewer) queue() error {
	if v.queued || v.reader.Status().Live {
		return nil
	}
	if err := v.server.queue.take(addressOf(v.remote)); err != nil {
		return err
	}
	v.queued = true
	return nil
}

func (v *viewer) unqueue() {
	if v.queued {
		v.queued = false
		v.server.queue.give(addressOf(v.remote))
	}
}

// addressOf is what a client's end of its connection counts as where clients are bounded by their address: with IPv6 its /64, which
// is the least that a subscriber has and can choose from at will. What a request says of itself does not count.
func addressOf(remote string) netip.Addr {
	end, _ := netip.ParseAddrPort(remote)
	a := end.Addr().Unmap().WithZone("")
	if a.Is6() {
		network, _ := a.Prefix(64) // which fails for IPv4 alone
		return network.Addr()
	}
	return a
}

func (v *viewer) started() {
	v.unqueue()
	v.playing.Store(true)
	v.log.Info("session started", "stream", v.name.String(), "role", "play", "transport", v.kind, "remote", v.remote,
		"waited", time.Since(v.created).Round(time.Millisecond).String())
}

// end gives up the place in the stream, counts what was sent, and says why, how long and how much.
func (v *viewer) end(reason error) {
	defer v.server.viewers.left.Done()
	v.cancel(nil)
	v.unqueue()
	stats := v.reader.Stats()
	e := &v.server.stats
	v.server.retiring.Lock()
	e.sent.bytes.Add(v.sent.Load())
	e.sent.skips.Add(stats.Skips)
	v.reader.CountSent(v.sent.Load())
	v.reader.Close() // not before: what it was sent would be looked for in the next stream of the name
	v.server.viewers.remove(v)
	v.server.retiring.Unlock()
	if !v.playing.Load() {
		v.server.crowd.Info("viewer left while it waited", "session", v.id, "stream", v.name.String(), "transport", v.kind,
			"why", reason.Error(), "waited", time.Since(v.created).Round(time.Millisecond).String())
		return
	}
	v.log.Info("session ended", "stream", v.name.String(), "role", "play", "transport", v.kind, "why", reason.Error(),
		"lasted", time.Since(v.created).Round(time.Millisecond).String(), "frames_out", v.frames.Load(), "skips", stats.Skips)
}

// describe is the viewer as the API shows it.
func (v *viewer) describe() api.Client {
	stats := v.reader.Stats()
	c := v.server.present(v.who(), 0, v.sent.Load())
	c.LagMS, c.Skips, c.Skipped, c.Packets = stats.Lag.Milliseconds(), stats.Skips, stats.SkippedFrames, v.frames.Load()
	return c
}

func (v *viewer) count(t *traffic) {
	t.viewers[v.kind]++
	t.bytesOut += v.sent.Load()
	t.skips += v.reader.Stats().Skips
}
