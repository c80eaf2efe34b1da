package server

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// gate holds up whoever logs something, once it is armed.
type gate struct {
	slog.Handler
	message string
	*passage
}

type passage struct {
	armed atomic.Bool
	stuck atomic.Bool
	open  chan struct{}
}

func (g gate) Handle(ctx context.Context, r slog.Record) error {
	if strings.Contains(r.Message, g.message) && g.armed.CompareAndSwap(true, false) {
		g.stuck.Store(true)
		<-g.open
	}
	return g.Handler.Handle(ctx, r)
}

func (g gate) WithAttrs(list []slog.Attr) slog.Handler {
	g.Handler = g.Handler.WithAttrs(list)
	return g
}

// breaking is a server whose segmenters, when the disk fails, are held up until the gate is opened.
func breaking(t *testing.T, more string) (s *Server, g gate, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "hls")
	g = gate{logTo(t).Handler(), "segments can't be written", &passage{open: make(chan struct{})}}
	s, err := start(configure(t, withHLS("hls_ctx off; hls_path "+dir+"; "+more, "")), slog.New(g))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, g, dir
}

// fail breaks the disk, and waits until a segmenter is held up by that.
func (g gate) fail(t *testing.T, dir string, then func()) {
	t.Helper()
	if err := os.Rename(dir, dir+"-before"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	g.armed.Store(true)
	then()
	synctest.Wait()
	if !g.stuck.Load() {
		t.Fatal("no segmenter is held up")
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
}

func written(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "live", "x.m3u8"))
	return err == nil
}

// Who publishes again while the segmenter is about to end, for nobody did any more, has segments.
func TestPublishWhileSegmenterEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, g, dir := breaking(t, "hls_dispose 0;")
		video, audio := h264AndAAC(t)
		first := synthesize(t, s, "x", video, audio)
		for range 5 {
			first.feed(1)
			synctest.Wait()
		}
		g.fail(t, dir, first.end)
		second := synthesize(t, s, "x", video, audio)
		close(g.open)
		for range 5 {
			second.feed(1)
			synctest.Wait()
		}
		if n := len(s.segmenters.list()); n != 1 || !written(dir) {
			t.Errorf("%d segmenters, the playlist written: %v", n, written(dir))
		}
	})
}

// Nothing is written for a stream while an earlier segmenter of it still removes its files.
func TestSegmentersFollowEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, g, dir := breaking(t, "hls_dispose 1;")
		video, audio := h264AndAAC(t)
		first := synthesize(t, s, "x", video, audio)
		for range 5 {
			first.feed(1)
			synctest.Wait()
		}
		first.end()
		synctest.Wait()
		g.fail(t, dir, func() { time.Sleep(2 * time.Second) })
		second := synthesize(t, s, "x", video, audio)
		for range 5 {
			second.feed(1)
			synctest.Wait()
		}
		if written(dir) {
			t.Error("two segmenters write at once")
		}
		close(g.open)
		synctest.Wait()
		for range 5 {
			second.feed(1)
			synctest.Wait()
		}
		if !written(dir) || len(s.segmenters.list()) != 1 {
			t.Error("the second writes nothing")
		}
	})
}
