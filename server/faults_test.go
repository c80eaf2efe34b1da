package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"oneport/config"
	"oneport/hls"
	"oneport/ice"
	"oneport/media"
)

// trap panics where something is logged, each time that it is armed: in whatever goroutine that is, with the locks that it holds.
type trap struct {
	slog.Handler
	message string
	armed   *atomic.Bool
}

func (h trap) Handle(ctx context.Context, r slog.Record) error {
	if strings.Contains(r.Message, h.message) && h.armed.CompareAndSwap(true, false) {
		panic("a fault")
	}
	return h.Handler.Handle(ctx, r)
}

func (h trap) WithAttrs(list []slog.Attr) slog.Handler {
	h.Handler = h.Handler.WithAttrs(list)
	return h
}

// setTrap makes a log whose first line with a message panics, once the trap is armed.
func setTrap(message string) (trap, *lateLog) {
	log := &lateLog{}
	return trap{slog.NewTextHandler(log, nil), message, new(atomic.Bool)}, log
}

// faulty is a server without ports that panics once where it logs a message.
func faulty(t *testing.T, c *Config, message string) (*Server, *lateLog) {
	t.Helper()
	h, log := setTrap(message)
	h.armed.Store(true)
	s, err := start(c, slog.New(h))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.rtcTCPPort = 8080
	return s, log
}

// tellsOnce demands that one panic was counted, and logged with its stack.
func tellsOnce(t *testing.T, s *Server, log *lateLog) {
	t.Helper()
	if n := strings.Count(log.text(), " stack="); n != 1 {
		t.Errorf("%d stacks are logged:\n%s", n, log.text())
	}
	if got := text(t, ask(site(s), "GET", "/metrics", "")); !strings.Contains(got, "\noneport_panics_total 1\n") {
		t.Error(got)
	}
}

// A panic in a segmenter, with its lock held, ends that one; who waits is told, and the next request begins another.
func TestPanicEndsTheSegmenter(t *testing.T) {
	c := configure(t, withHLS("hls_ctx off;", ""))
	synctest.Test(t, func(t *testing.T) {
		s, log := faulty(t, c, "a segment ended without a keyframe")
		video, audio := h264AndAAC(t)
		f, other := synthesize(t, s, "x", video, audio), synthesize(t, s, "y", video, audio)
		key := segmenterKey{f.name, false}
		broken, err := s.segment(key, &s.config.Vhosts.Find(f.name.Vhost).Settings)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := s.segment(segmenterKey{other.name, false}, broken.conf)
		if err != nil {
			t.Fatal(err)
		}
		waited := make(chan error, 1)
		go func() {
			waited <- broken.await(t.Context(), time.Hour, errNoSegment, func(*hls.Muxer) bool { return false })
		}()
		f.group = time.Hour
		for range 20 {
			f.feed(1)
			other.feed(1)
			synctest.Wait()
		}
		<-broken.done
		if err := <-waited; err == nil {
			t.Error("who waits is not told")
		}
		if g := s.segmenters.find(key); g != nil || whole != s.segmenters.find(whole.key) {
			t.Errorf("in the table are %v", s.segmenters.list())
		}
		tellsOnce(t, s, log)
		if _, err := s.segment(key, broken.conf); err != nil {
			t.Fatal(err)
		}
		f.group = time.Second
		for range 5 {
			f.feed(1)
			synctest.Wait()
		}
		if got := f.cut(s); got.Segments == 0 {
			t.Errorf("another segmenter makes %+v", got)
		}
		if got := other.cut(s); got.Segments < 15 {
			t.Errorf("another stream suffers: %+v", got)
		}
	})
}

// Files are written again some time after a panic, for who takes them from the disk asks for nothing here.
func TestPanicInASegmenterOfFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		s, log := faulty(t, configure(t, withHLS("hls_ctx off; hls_path "+dir+";", "")), "a segment ended without a keyframe")
		video, audio := h264AndAAC(t)
		f := synthesize(t, s, "x", video, audio)
		feed := func(seconds int) {
			for range seconds {
				f.feed(1)
				time.Sleep(time.Second)
				synctest.Wait()
			}
		}
		feed(5)
		broken := s.segmenters.list()[0]
		f.group = time.Hour
		feed(8)
		<-broken.done
		tellsOnce(t, s, log)
		if n := len(s.segmenters.list()); n != 0 {
			t.Errorf("%d segmenters at once", n)
		}
		f.group = time.Second
		feed(15)
		if n := len(s.segmenters.list()); n != 1 || !written(dir) {
			t.Fatalf("%d segmenters some time later; the playlist is there: %v", n, written(dir))
		}
		if list := missing(t, filepath.Join(dir, "live", "x.m3u8")); len(list) > 0 {
			t.Errorf("%v are listed and not there", list)
		}
	})
}

// A panic in a bridge to packets ends the viewers who read of it, and not the publisher. Who comes then gets another bridge.
func TestPanicEndsABridgeToPackets(t *testing.T) {
	c := configure(t, withBoth("enabled on; rtmp_to_rtc on;"))
	synctest.Test(t, func(t *testing.T) {
		s, log := faulty(t, c, "the publisher sends B-frames")
		viewer, elsewhere := joined(t, s, "whep", ""), joined(t, s, "whep", "stream=other")
		e := newEncoder(t, s, 0)
		defer e.leave()
		e.run(time.Second, func() { viewer.pump(); elsewhere.pump() })
		if !viewer.over() || elsewhere.over() || s.stats.bridges.Load() != 0 {
			t.Errorf("its viewer over: %v, another: %v; %d bridges", viewer.over(), elsewhere.over(), s.stats.bridges.Load())
		}
		tellsOnce(t, s, log)
		viewer = joined(t, s, "whep", "")
		e.run(2*time.Second, viewer.pump)
		if len(viewer.media) == 0 || viewer.over() {
			t.Errorf("who comes then gets %d packets, over: %v", len(viewer.media), viewer.over())
		}
	})
}

// quietSink is a client that keeps what it is sent to itself.
type quietSink struct{ reason chan error }

func (quietSink) begin() error          { return nil }
func (quietSink) begun() bool           { return true }
func (quietSink) write([]byte) error    { return nil }
func (quietSink) gone() <-chan struct{} { return nil }
func (quietSink) hurry()                {}
func (k quietSink) end(reason error)    { k.reason <- reason }

// A panic in a bridge to frames ends the viewers and the segmenter who read of it.
func TestPanicEndsABridgeToFrames(t *testing.T) {
	c := configure(t, withHLS("hls_ctx off;", ""))
	synctest.Test(t, func(t *testing.T) {
		s, log := faulty(t, c, "the sound can't be converted")
		name := streamName("x")
		conf := &s.config.Vhosts.Find(name.Vhost).Settings
		v, err := s.watch(name, origin{kind: "srt-play", udp: true})
		if err != nil {
			t.Fatal(err)
		}
		out := quietSink{make(chan error, 1)}
		played := make(chan error, 1)
		go func() { played <- newPlayer(v, newFLV(&conf.Remux), out, conf).play() }()
		g, err := s.segment(segmenterKey{name, false}, conf)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		f := feedPackets(t, s, "x")
		for i := range 20 {
			f.picture(&h264, i%10 == 0)
			f.push(&opus, uint32(i*960), true, []byte{0xff})
			time.Sleep(20 * time.Millisecond)
			synctest.Wait()
		}
		<-g.done
		if err := <-played; !errors.Is(err, errPanic) || <-out.reason != err {
			t.Errorf("the viewer ends with %v", err)
		}
		if s.stats.bridges.Load() != 0 || len(s.segmenters.list()) != 0 || !s.hubs[name.Vhost].Live(name) {
			t.Errorf("%d bridges, %d segmenters, live: %v", s.stats.bridges.Load(), len(s.segmenters.list()), s.hubs[name.Vhost].Live(name))
		}
		tellsOnce(t, s, log)
	})
}

var opus = media.Format{Codec: media.Opus, ClockRate: 48000, Channels: 2}

// faultyLink panics where something is sent by it.
type faultyLink struct{ link }

func (faultyLink) send([]byte)   { panic("a fault") }
func (faultyLink) insist([]byte) { panic("a fault") }

// breakLink gives a session a link that panics.
func (c *fakeClient) breakLink() { c.sess.current.Store(&linkBox{faultyLink{c.wire}}) }

// A viewer whose link panics is dropped by its writer, which serves the others on.
func TestPanicInAWriter(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		publisher := joined(t, s, "whip", "")
		broken := joined(t, s, "whep", "")
		var others []*fakeClient
		for range 2 * len(s.writers) {
			others = append(others, joined(t, s, "whep", ""))
		}
		broken.breakLink()
		for i := range 5 {
			publisher.sendFrame(uint32(i), i == 0)
			time.Sleep(20 * time.Millisecond)
		}
		if !broken.over() || s.sessions.byID(broken.sess.info.id) != nil || s.stats.panics.Load() == 0 {
			t.Errorf("over: %v, after %d panics", broken.over(), s.stats.panics.Load())
		}
		for _, o := range others {
			o.pump()
			if numbers, _ := o.frames(); len(numbers) != 5 {
				t.Errorf("another viewer has pictures %v", numbers)
			}
		}
	})
}

// A session that panics when its time has come ends, and the clock goes on for the others.
func TestPanicInTheTimers(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		broken, other := joined(t, s, "whip", ""), joined(t, s, "whep", "stream=other")
		broken.sendFrame(0, true)
		broken.breakLink()
		broken.sess.RequestKeyframe()
		synctest.Wait()
		if !broken.over() || s.stats.panics.Load() == 0 {
			t.Errorf("over: %v, after %d panics", broken.over(), s.stats.panics.Load())
		}
		other.live(time.Second)
		time.Sleep(40 * time.Second)
		synctest.Wait()
		if !other.over() {
			t.Error("nobody looks at the time any more")
		}
		nothingLeft(t, s)
	})
}

// A datagram over which its session panics costs no lock: the table of addresses and the sessions are to be used on.
func TestPanicInAnAnswer(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		broken, other := joined(t, s, "whep", ""), joined(t, s, "whep", "")
		wire := newWire(ice.TCP, 9)
		if broken.check(wire); broken.over() {
			t.Fatal("over before the panic")
		}
		request := ice.AppendRequest(nil, [12]byte{1}, broken.local, broken.remote, 1<<24, true)
		if broken.sess.receive(time.Now(), faultyLink{wire}, request) {
			t.Error("what panicked was believed")
		}
		synctest.Wait()
		if !broken.over() || !other.check(other.wire) {
			t.Errorf("over: %v", broken.over())
		}
	})
}

// A player by SRT or HTTP over which the server panics is disconnected, and the publisher goes on.
func TestPanicDisconnectsThePlayer(t *testing.T) {
	h, log := setTrap("session started")
	s, err := Open(configure(t, withSRT("", "")), slog.New(h))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	player, err := dialSRT(s, "live/x", "") // it waits, so it is connected
	if err != nil {
		t.Fatal(err)
	}
	defer player.Close()
	i, err := s.publishFrames(streamName("x"), origin{kind: "fmle-publish"})
	if err != nil {
		t.Fatal(err)
	}
	defer i.end(errKicked)
	h.armed.Store(true)
	feed(t, i, 5)
	until(t, "the panic", func() bool { return s.panics() == 1 })
	ended := make(chan error, 1)
	go func() {
		_, err := player.Read(make([]byte, 2000))
		ended <- err
	}()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("it is sent something")
		}
	case <-time.After(patience):
		t.Error("the connection stays open")
	}
	until(t, "the player's end", func() bool { return len(s.viewers.all()) == 0 && s.places.taken.Load() == 0 })
	h.armed.Store(true)
	if _, err := dialSRT(s, "live/x", ""); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("one who comes later is told %v", err)
	}
	h.armed.Store(true)
	res := call(t, "GET", base(s)+"/live/x.flv", "")
	if b, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusInternalServerError || string(b) != errPanic.Error()+"\n" {
		t.Errorf("by HTTP come %s and %q", res.Status, b)
	}
	if n := strings.Count(log.text(), " stack="); n != 3 || s.panics() != 3 || !s.hubs[i.name.Vhost].Live(i.name) {
		t.Errorf("%d stacks, %d panics, live: %v", n, s.panics(), s.hubs[i.name.Vhost].Live(i.name))
	}
}

// A request that panics ends its connection, is counted, and is logged where everybody looks.
func TestPanicInARequest(t *testing.T) {
	h, log := setTrap("")
	s, err := start(configure(t, allOnOne), slog.New(h))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	web := httptest.NewServer(s.withstand(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a fault") })))
	defer web.Close()
	if res, err := http.Get(web.URL + "/x"); err == nil {
		t.Errorf("it is answered %s", res.Status)
	}
	if text := log.text(); s.panics() != 1 || strings.Count(text, " stack=") != 1 || !strings.Contains(text, "level=ERROR") || !strings.Contains(text, "/x") {
		t.Errorf("%d panics:\n%s", s.panics(), text)
	}
}

// A datagram that panics before anybody knows whose it is costs nothing but itself.
func TestPanicOverADatagram(t *testing.T) {
	s := open(t, configure(t, allOnOne))
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(s.udp.local))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	path := ice.Path{Transport: ice.UDP, Local: addrPort(conn.RemoteAddr()), Remote: addrPort(conn.LocalAddr())}
	bind := func(sess *session) {
		s.udp.mu.Lock()
		defer s.udp.mu.Unlock()
		s.udp.bound[path] = sess
	}
	say := func() {
		if _, err := conn.Write([]byte{0x80, 1, 2, 3}); err != nil {
			t.Fatal(err)
		}
	}
	bind(new(session)) // which has no server
	say()
	until(t, "the panic", func() bool { return s.panics() == 1 })
	bind(nil)
	say()
	until(t, "the next datagram", func() bool { return s.stats.unrouted.Load() == 1 })
}

// A panic of a request that looks at segments costs that request alone: no lock stays behind that others wait for.
func TestPanicOfASegmentRequest(t *testing.T) {
	c := configure(t, withHLS("hls_ctx off;", ""))
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		video, audio := h264AndAAC(t)
		f := synthesize(t, s, "x", video, audio)
		g, err := s.segment(segmenterKey{f.name, false}, &s.config.Vhosts.Find(config.DefaultVhost).Settings)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // until the segmenter itself, which locks too, has nothing to do
		if ok := s.survive(s.log, "a request", func() {
			g.await(t.Context(), time.Second, errNoSegment, func(*hls.Muxer) bool { panic("a fault") })
		}); ok {
			t.Error("the panic was not noticed")
		}
		if !g.mu.TryLock() {
			t.Fatal("the segmenter is locked for ever")
		}
		g.mu.Unlock()
	})
}
