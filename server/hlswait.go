package server

import (
	"context"
	"time"

	"oneport/hls"
)

// with does something with the muxer, which is locked meanwhile. What it panics over leaves no lock behind.
func (g *segmenter) with(do func(*hls.Muxer)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	do(g.mux)
}

// await waits until look says that it has seen in the muxer, which is locked meanwhile, what it wants. If that takes longer than
// patience the error is late.
func (g *segmenter) await(ctx context.Context, patience time.Duration, late error, look func(*hls.Muxer) bool) error {
	changed, err := g.look(look)
	if changed == nil {
		return err
	}
	if !g.server.segmenters.wait(g.server.config.MaxConnections) {
		return errManyWait
	}
	defer g.server.segmenters.waits.Add(-1)
	g.waiting.Add(1)
	defer g.waiting.Add(-1)
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for changed != nil {
		select {
		case <-changed:
		case <-timeout.C:
			return late
		case <-ctx.Done():
			return errGone
		case <-g.server.stop:
			return errShutdown
		}
		changed, err = g.look(look)
	}
	return err
}

// look looks at the muxer once. The channel tells of the muxer's next change, if there is one to wait for.
func (g *segmenter) look(look func(*hls.Muxer) bool) (changed <-chan struct{}, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.ended && g.hub.Live(g.key.name):
		return nil, errNoSegment // it had a fault, and another will make them
	case g.ended:
		return nil, errNotLive
	case g.refused != nil:
		return nil, g.refused
	case look(g.mux):
		return nil, nil
	}
	return g.changed, nil
}

// file finds a file by its name; it waits for one that was announced.
func (g *segmenter) file(ctx context.Context, name string) (f hls.File, ok bool, err error) {
	var comes bool
	var patience time.Duration
	g.with(func(m *hls.Muxer) { comes, patience = m.Comes(name), 3*m.Target() })
	if comes {
		err = g.await(ctx, patience, errNoReload, func(m *hls.Muxer) bool { return !m.Comes(name) })
	}
	if err == nil {
		g.with(func(m *hls.Muxer) { f, ok = m.Find(name) })
	}
	return f, ok, err
}

// has says whether the segmenter knows a file.
func (g *segmenter) has(name string) (ok bool) {
	g.with(func(m *hls.Muxer) { _, ok = m.Find(name) })
	return ok
}

// wait takes one of so many places of requests that wait.
func (t *segmenters) wait(most int) bool {
	if t.waits.Add(1) <= int64(most) {
		return true
	}
	t.waits.Add(-1)
	return false
}
