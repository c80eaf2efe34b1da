package stream

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"oneport/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testName = Name{Vhost: defaultVhost, App: "live", Stream: "livestream"}

var (
	h264 = &media.Format{Codec: media.H264, ClockRate: 90000, Profile: "42e01f", PacketizationMode: 1}
	vp8  = &media.Format{Codec: media.VP8, ClockRate: 90000}
	opus = &media.Format{Codec: media.Opus, ClockRate: 48000, Channels: 2}
)

func testConfig() Config {
	return Config{
		MaxStreams: 100,
		MaxReaders: 1000,
		Play: Play{
			GopCache:       true,
			GopMaxAge:      2 * time.Second,
			GopMaxBytes:    1 << 20,
			GopMaxFrames:   2500,
			QueueLength:    10 * time.Second,
			MaxLag:         time.Second,
			ViewerPatience: 3 * time.Minute,
			RingMaxAge:     5 * time.Second,
			RingMaxBytes:   16 << 20,
			RingMaxPackets: 1 << 14,
		},
		Publish: Publish{
			PublisherSilence: 3 * time.Second, KeyframeInterval: 500 * time.Millisecond, LagKeyframeInterval: 2 * time.Second,
		},
	}
}

// publisher is a session as the stream sees it.
type publisher struct {
	mu       sync.Mutex
	asked    []time.Time // for keyframes
	replaced int
	dead     bool
}

func (p *publisher) RequestKeyframe() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, time.Now())
}

func (p *publisher) Alive(time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return 0
	}
	return Forever
}

func (p *publisher) Replaced() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.replaced++
}

func (p *publisher) requests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.asked)
}

// waker notes when it was called.
type waker struct {
	mu    sync.Mutex
	calls []time.Time
}

func (w *waker) Wake(*Stream) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, time.Now())
}

func (w *waker) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.calls)
}

// source publishes a made-up camera: frames of three packets, and sound.
type source struct {
	*Publication
	format *media.Format
	video  uint64 // sequence numbers of the next packets
	audio  uint64
	clock  uint32
}

const framePackets = 3

func publish(t testing.TB, h *Hub, now time.Time, pub Publisher) *source {
	t.Helper()
	p, err := h.Publish(now, testName, pub)
	if err != nil {
		t.Fatal(err)
	}
	return &source{Publication: p, format: h264, video: 1<<16 + 100, audio: 1<<16 + 5000}
}

func subscribe(t testing.TB, h *Hub, now time.Time, w Waker) *Reader {
	t.Helper()
	r, err := h.Subscribe(now, testName, w)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// nextFrame makes the packets of the next frame without pushing them.
func (s *source) nextFrame(now time.Time, key bool) []*media.Packet {
	s.clock += 3600
	var pkts []*media.Packet
	for i := range framePackets {
		pkts = append(pkts, &media.Packet{
			Arrival: now, Format: s.format, Seq: s.video, Timestamp: s.clock,
			Start: i == 0, Key: key && i == 0, Marker: i == framePackets-1, Payload: make([]byte, 100),
		})
		s.video++
	}
	return pkts
}

// frame pushes a frame and returns the sequence number of its first packet.
func (s *source) frame(now time.Time, key bool) uint64 {
	first := s.video
	for _, pkt := range s.nextFrame(now, key) {
		s.Push(pkt)
	}
	return first
}

// sound pushes an audio packet and returns its sequence number.
func (s *source) sound(now time.Time) uint64 {
	s.Push(&media.Packet{Arrival: now, Format: opus, Seq: s.audio, Timestamp: uint32(s.audio) * 960, Start: true, Payload: make([]byte, 80)})
	s.audio++
	return s.audio - 1
}

// drain reads everything there is.
func drain(r *Reader, now time.Time) []media.Item { return r.Next(now, nil, 1<<20) }

// script writes items down, with sequence numbers relative to those a source begins with: "v0! v1 v2 a0!" where ! marks a
// restart and / a skip.
func script(items []media.Item) string {
	text := ""
	for _, it := range items {
		if it.Kind() == media.Audio {
			text += fmt.Sprintf("a%d", int64(it.Seq)-(1<<16+5000))
		} else {
			text += fmt.Sprintf("v%d", int64(it.Seq)-(1<<16+100))
		}
		text += [...]string{media.Continues: "", media.Skipped: "/", media.Restarted: "!"}[it.Break] + " "
	}
	return text
}

func expect(t testing.TB, what string, items []media.Item, want string) {
	t.Helper()
	if want != "" {
		want += " "
	}
	if got := script(items); got != want {
		t.Errorf("%s: read %q; want %q", what, got, want)
	}
}
