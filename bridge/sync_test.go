package bridge

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"oneport/media"
)

// A source is a publisher in virtual time, with a clock per track, whose packets cross a network.
type source struct {
	loss    float64       // of packets, which do not come again
	jitter  time.Duration // by which packets are delayed by chance
	lead    time.Duration // by how much picture takes longer than sound up to the network
	drift   float64       // of the sound's clock against the picture's
	reports time.Duration // when sender reports begin
	base    [media.Kinds]uint32
}

type sent struct {
	pkt    *media.Packet
	timing *media.Timing // a sender report in place of a packet
	kind   media.Kind
	at     time.Time
}

const (
	videoRate, audioRate = 90000, 48000
	videoStep            = 3003
	audioStep            = 960
)

// ticksOf is the RTP timestamp of a moment by the clock of a track.
func (s *source) ticksOf(k media.Kind, at time.Duration) uint32 {
	if k == media.Video {
		return s.base[k] + uint32(ticks(at, videoRate))
	}
	return s.base[k] + uint32(ticks(time.Duration(float64(at)*(1+s.drift)), audioRate))
}

// run makes all that the server receives in a while, in order of arrival. The last eight bytes of a frame say when it was
// captured.
func (s *source) run(long time.Duration) (all []sent) {
	chance := rand.New(rand.NewPCG(7, 9))
	formats := [media.Kinds]*media.Format{{Codec: media.Opus, ClockRate: audioRate}, {Codec: media.VP8, ClockRate: videoRate}}
	seq := [media.Kinds]uint64{firstSeq, firstSeq}
	send := func(k media.Kind, at, lead time.Duration, marker bool, payload []byte) {
		ts := s.ticksOf(k, at)
		start, key := media.Inspect(formats[k].Codec, payload)
		pkt := &media.Packet{Format: formats[k], Seq: seq[k], Timestamp: ts, Marker: marker, Start: start, Key: key, Payload: payload}
		seq[k]++
		delay := 30*time.Millisecond + lead
		if s.jitter > 0 {
			delay += time.Duration(chance.Int64N(int64(s.jitter)))
		}
		if pkt.Arrival = epoch.Add(at + delay); chance.Float64() >= s.loss || seq[k] < firstSeq+4 {
			all = append(all, sent{pkt: pkt, kind: k, at: pkt.Arrival})
		}
	}
	for at := time.Duration(0); at < long; at += 20 * time.Millisecond {
		send(media.Audio, at, 0, false, stamp([]byte{0xfc}, at))
	}
	for i := int64(0); span(i*videoStep, videoRate) < long; i++ {
		at := span(i*videoStep, videoRate)
		first := []byte{0x10, 1}
		if i%60 == 0 {
			first[1] = 0
		}
		send(media.Video, at, s.lead, false, first)
		send(media.Video, at, s.lead, true, stamp([]byte{0}, at))
	}
	for at := s.reports; at < long; at += time.Second {
		for k := media.Audio; k < media.Kinds; k++ {
			// The server's time is the capture's plus something that both tracks share.
			t := &media.Timing{RTP: s.ticksOf(k, at), At: epoch.Add(at + 300*time.Millisecond)}
			all = append(all, sent{timing: t, kind: k, at: epoch.Add(at + time.Duration(k)*100*time.Millisecond)})
		}
	}
	slices.SortStableFunc(all, func(a, b sent) int { return a.at.Compare(b.at) })
	return all
}

// Sound and picture stay together from the first second, and no correction is a jump, whatever the network does.
func TestSync(t *testing.T) {
	for _, test := range []struct {
		name   string
		source source
		final  time.Duration // the most they are apart in the last two seconds
	}{
		{"quiet network, reports at once", source{}, time.Millisecond},
		{"quiet network, no reports", source{reports: time.Hour}, time.Millisecond},
		{"reports withheld for 5 s, picture takes longer", source{reports: 5 * time.Second, lead: 35 * time.Millisecond}, 1500 * time.Microsecond},
		{"reports withheld, sound takes longer", source{reports: 5 * time.Second, lead: -25 * time.Millisecond}, 1500 * time.Microsecond},
		{"3 % loss, reordering within 40 ms, no reports", source{reports: time.Hour, loss: 0.03, jitter: 40 * time.Millisecond}, 10 * time.Millisecond},
		{"3 % loss, reordering within 40 ms, reports withheld", source{reports: 5 * time.Second, loss: 0.03, jitter: 40 * time.Millisecond, lead: 10 * time.Millisecond}, 1500 * time.Microsecond},
		{"drift of 200 ppm, reports", source{drift: 200e-6}, 2 * time.Millisecond},
		{"drift of 200 ppm, no reports", source{drift: 200e-6, reports: time.Hour, jitter: 20 * time.Millisecond}, 10 * time.Millisecond},
		{"timestamps wrap", source{base: [media.Kinds]uint32{1<<32 - 100*audioStep, 1<<32 - 100*videoStep}, jitter: 20 * time.Millisecond}, 2 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			const long = 30 * time.Second
			frames := play(t, &test.source, long)
			checkSync(t, &test.source, frames, long, test.final)
		})
	}
}

// Sound that joins late is put where the sender reports say, though it arrives sooner than the picture of its time.
func TestSoundJoinsLate(t *testing.T) {
	s := &source{lead: 35 * time.Millisecond}
	d := NewDepacketizer(epoch)
	var frames []*media.Frame
	for _, item := range s.run(8 * time.Second) {
		switch {
		case item.timing != nil:
			d.SetTiming(item.kind, *item.timing)
		case item.kind == media.Video || item.at.After(epoch.Add(5*time.Second)):
			frames, _ = d.Push(item.at, item.pkt, frames)
		}
	}
	var picture *media.Frame
	for _, f := range frames {
		if f.Format.Kind() == media.Video {
			picture = f
		} else if apart := (f.DTS - picture.DTS - (captured(f) - captured(picture))).Abs(); apart > maxStep {
			t.Fatalf("at %v sound and picture are %v apart", captured(f), apart)
		}
	}
}

// Over a day of virtual time, in which the RTP timestamps wrap, sound stays exact to the sample.
func TestDayOfSound(t *testing.T) {
	d := NewDepacketizer(epoch)
	format := &media.Format{Codec: media.Opus, ClockRate: audioRate}
	const base = 1<<32 - 5*audioRate
	for i := range 24 * 3600 {
		at := time.Duration(i) * time.Second
		pkt := &media.Packet{Arrival: epoch.Add(at), Format: format, Seq: firstSeq + uint64(i), Timestamp: uint32(base + i*audioRate), Payload: []byte{0xfc}}
		frames, _ := d.Push(pkt.Arrival, pkt, nil)
		if len(frames) != 1 || frames[0].DTS != at {
			t.Fatalf("second %d: %+v", i, frames)
		}
	}
}

// For three days of virtual time sound and picture stay as they were captured, though the publisher's clocks run wrong and the
// RTP timestamps wrap: those of picture six times, those of sound three.
func TestDaysOfSync(t *testing.T) {
	const days, sent, ppm = 3, 20 * time.Millisecond, 1e-6
	for _, test := range []struct {
		name         string
		sound, image float64 // by how much the clocks run fast
		most         time.Duration
	}{
		{"one clock", 50 * ppm, 50 * ppm, 50 * time.Microsecond},
		{"a sound card with a clock of its own", 50 * ppm, -20 * ppm, time.Millisecond + 100*time.Microsecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := NewDepacketizer(epoch)
			fast := [media.Kinds]float64{test.sound, test.image}
			rates := [media.Kinds]int64{audioRate, videoRate}
			formats := [media.Kinds]*media.Format{{Codec: media.Opus, ClockRate: audioRate}, {Codec: media.VP8, ClockRate: videoRate}}
			payloads := [media.Kinds][]byte{{0xfc}, unhex(t, "10 504200 9d012a 8002 e001 00")}
			for i := range uint64(days * 24 * 3600) {
				captured := time.Duration(i) * time.Second
				var at [media.Kinds]time.Duration
				for k := range media.Kinds {
					ts := uint32(1<<32 - 1000*rates[k] + ticks(time.Duration(float64(captured)*(1+fast[k])), rates[k]))
					arrival := epoch.Add(captured + sent + time.Duration(i*7919%30)*time.Millisecond)
					pkt := &media.Packet{Arrival: arrival, Format: formats[k], Seq: firstSeq + i, Timestamp: ts, Marker: true, Start: true, Key: true, Payload: payloads[k]}
					frames, _ := d.Push(arrival, pkt, nil)
					if len(frames) != 1 {
						t.Fatalf("%v: %d frames, %+v", captured, len(frames), d.Stats())
					}
					at[k] = frames[0].PTS
					d.SetTiming(k, media.Timing{RTP: ts, At: epoch.Add(captured + sent)})
				}
				if apart := at[media.Audio] - at[media.Video]; i > 60 && apart.Abs() > test.most {
					t.Fatalf("after %v sound and picture are %v apart", captured, apart)
				}
			}
			if s := d.Stats(); s.Jumps > 0 || s.Backwards > 0 {
				t.Errorf("the counters are %+v", s)
			}
		})
	}
}

// stamp appends when a frame was captured.
func stamp(b []byte, at time.Duration) []byte { return binary.BigEndian.AppendUint64(b, uint64(at)) }

// captured is when a frame was.
func captured(f *media.Frame) time.Duration {
	return time.Duration(binary.BigEndian.Uint64(f.Data[len(f.Data)-8:]))
}

// play runs a source into a depacketizer, which does what is due at each deadline.
func play(t *testing.T, s *source, long time.Duration) (frames []*media.Frame) {
	t.Helper()
	d := NewDepacketizer(epoch)
	for _, item := range s.run(long) {
		for due := d.Deadline(); !due.IsZero() && due.Before(item.at); due = d.Deadline() {
			frames, _ = d.Tick(due, frames)
		}
		if item.timing != nil {
			d.SetTiming(item.kind, *item.timing)
			continue
		}
		frames, _ = d.Push(item.at, item.pkt, frames)
	}
	if s := d.Stats(); s.Jumps > 0 || s.Backwards > 0 || s.Frames[media.Video] < 100 {
		t.Errorf("the counters are %+v", s)
	}
	return frames
}

// checkSync compares how far apart frames are with how far apart they were captured.
func checkSync(t *testing.T, s *source, frames []*media.Frame, long, final time.Duration) {
	t.Helper()
	var last [media.Kinds]*media.Frame
	for _, f := range frames {
		k := f.Format.Kind()
		if before := last[k]; before != nil {
			moved := f.DTS - before.DTS
			meant := captured(f) - captured(before)
			if k == media.Audio {
				n := int64(int32(s.ticksOf(k, captured(f)) - s.ticksOf(k, captured(before))))
				if off := moved - span(n, audioRate); off.Abs() > time.Nanosecond {
					t.Fatalf("at %v sound is off by %v: it is not exact to the sample", captured(f), off)
				}
			} else if off := moved - meant; off.Abs() > maxStep+2*time.Microsecond || moved <= 0 {
				t.Fatalf("at %v picture moves by %v more than it should", captured(f), off)
			}
		}
		last[k] = f
		other := last[1-k]
		if other == nil {
			continue
		}
		apart := (f.DTS - other.DTS - (captured(f) - captured(other))).Abs()
		if apart > 40*time.Millisecond && captured(f) > time.Second || apart > 60*time.Millisecond {
			t.Fatalf("at %v sound and picture are %v apart", captured(f), apart)
		}
		if captured(f) > long-2*time.Second && apart > final {
			t.Fatalf("at %v, in the end, sound and picture are %v apart, more than %v", captured(f), apart, final)
		}
	}
}
