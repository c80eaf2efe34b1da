package bench

import (
	"encoding/binary"
	"time"
)

// SourceOptions describe a synthetic stream. Zero values mean the defaults.
type SourceOptions struct {
	KBPS     int           // of video; default 2500
	FPS      int           // default 25
	Keyframe time.Duration // between keyframes; default 2 s. A PLI or FIR brings one sooner
	Pace     time.Duration // over which the packets of a frame are spread; 0: over TCP none, over UDP half a frame's time
	Uneven   bool          // packets of a frame differ in size
	NoAudio  bool
	Run      uint32 // stands in every stamp; default: a random number
}

func (o SourceOptions) withDefaults() SourceOptions {
	if o.KBPS <= 0 {
		o.KBPS = 2500
	}
	if o.FPS <= 0 {
		o.FPS = 25
	}
	if o.Keyframe <= 0 {
		o.Keyframe = 2 * time.Second
	}
	if o.Run == 0 {
		o.Run = uint32(random()) | 1
	}
	return o
}

const (
	payloadSize = 1160 // of a full video packet
	unevenness  = 40   // what uneven packets have more or less
	audioSize   = 100
	audioPeriod = 20 * time.Millisecond
	videoClock  = 90000
	audioClock  = 48000
)

// lane numbers the packets of one track.
type lane struct {
	track
	ssrc    uint32
	clock   uint64
	seq     uint16
	counter uint64
	packets uint32 // for sender reports
	octets  uint32
}

func newLane(t track, ssrc uint32, clock uint64) *lane {
	return &lane{track: t, ssrc: ssrc, clock: clock, seq: uint16(random())}
}

// timestamp is the RTP time of an instant of the stream.
func (l *lane) timestamp(at time.Duration) uint32 {
	return uint32(uint64(at) / 1000 * l.clock / 1_000_000)
}

// header appends an RTP header with the extensions the answer has room for. The mid goes on the first packets only, as
// browsers have it.
func (l *lane) header(b []byte, marker bool, timestamp uint32, twc uint16) []byte {
	const midPackets = 100
	pt := l.pt
	if marker {
		pt |= 0x80
	}
	start := len(b)
	b = append(b, 0x80, pt)
	b = binary.BigEndian.AppendUint16(b, l.seq)
	b = binary.BigEndian.AppendUint32(b, timestamp)
	b = binary.BigEndian.AppendUint32(b, l.ssrc)
	l.seq++
	mid := l.midID != 0 && l.packets < midPackets && len(l.mid) > 0 && len(l.mid) <= 16
	if !mid && l.twcID == 0 {
		return b
	}
	b[start] |= 0x10
	b = append(b, 0xbe, 0xde, 0, 0) // RFC 8285 §4.2
	elements := len(b)
	if mid {
		b = append(append(b, l.midID<<4|byte(len(l.mid)-1)), l.mid...)
	}
	if l.twcID != 0 {
		b = append(b, l.twcID<<4|1, byte(twc>>8), byte(twc))
	}
	for (len(b)-elements)%4 != 0 {
		b = append(b, 0)
	}
	b[elements-1] = byte((len(b) - elements) / 4)
	return b
}

// source makes the packets of a synthetic stream. The buffers of packets are used again by the next call.
type source struct {
	opt   SourceOptions
	audio *lane
	video *lane
	twc   uint16

	key     bool // the frame under way is a keyframe
	total   int  // its packets
	done    int  // of which are made
	buffers [][]byte
}

func newSource(o SourceOptions, a *answer, ssrc [2]uint32) *source {
	s := &source{opt: o}
	if a.audio.pt != 0 && !o.NoAudio {
		s.audio = newLane(a.audio, ssrc[0], audioClock)
	}
	if a.video.pt != 0 {
		s.video = newLane(a.video, ssrc[1], videoClock)
	}
	return s
}

func (s *source) stamp(l *lane, at time.Time) Stamp {
	st := Stamp{Run: s.opt.Run, Counter: l.counter, Sent: stampTime(at)}
	l.counter++
	return st
}

// buffer returns the i-th buffer, empty, with room for a packet.
func (s *source) buffer(i int) []byte {
	for len(s.buffers) <= i {
		s.buffers = append(s.buffers, make([]byte, 0, 1500))
	}
	return s.buffers[i][:0]
}

// begin starts a frame and returns how many packets it has.
func (s *source) begin(key bool) int {
	size := s.frameSize()
	s.key, s.done = key, 0
	s.total = (size + payloadSize - 1) / payloadSize
	if key {
		s.total++ // the parameter sets
	}
	return s.total
}

func (s *source) frameSize() int {
	const least = 64 // a stamp and some more
	return max(s.opt.KBPS*1000/8/s.opt.FPS, least)
}

// pieces cuts the frame under way into so many packets at a time, sent with such a pause, that it is out in the time given.
func (s *source) pieces(spread time.Duration) (packets int, pause time.Duration) {
	const shortest = 2 * time.Millisecond
	n := max(1, min(int(spread/shortest), s.total))
	return (s.total + n - 1) / n, spread / time.Duration(n)
}

// next makes the next packets of the frame, n at most.
func (s *source) next(n int, timestamp uint32, at time.Time) [][]byte {
	n = min(n, s.total-s.done)
	for i := range n {
		st := s.stamp(s.video, at)
		b := s.video.header(s.buffer(i), s.done == s.total-1, timestamp, s.twc)
		s.twc++
		header := len(b)
		b = s.payload(b, st)
		s.buffers[i] = b
		s.video.count(len(b) - header)
		s.done++
	}
	return s.buffers[:n]
}

// payload appends the payload of packet s.done: the parameter sets before a keyframe, else a piece of the slice.
func (s *source) payload(b []byte, st Stamp) []byte {
	slices, i := s.total, s.done
	if s.key {
		if i == 0 {
			return appendParameters(b, st)
		}
		slices, i = slices-1, i-1
	}
	nal := byte(nalSlice)
	if s.key {
		nal = nalIDR
	}
	head := len(b)
	if slices == 1 {
		b = append(b, nal)
	} else {
		b = append(b, nal&0xe0|nalFU, nal&0x1f|fragment(i, slices))
	}
	size := s.frameSize() / slices
	if s.opt.Uneven && slices > 1 {
		size += unevenness * (1 - 2*(i%2))
	}
	b = st.append(b)
	return append(b, st.fill(max(size-(len(b)-head), 0))...)
}

// fragment is the start and end bits of an FU header (RFC 6184 §5.8).
func fragment(i, n int) byte {
	switch i {
	case 0:
		return 0x80
	case n - 1:
		return 0x40
	}
	return 0
}

// sound makes one Opus packet.
func (s *source) sound(timestamp uint32, at time.Time) [][]byte {
	st := s.stamp(s.audio, at)
	b := s.audio.header(s.buffer(0), st.Counter == 0, timestamp, s.twc)
	s.twc++
	header := len(b)
	b = append(b, opusTOC...)
	b = st.append(b)
	b = append(b, st.fill(audioSize-len(opusTOC)-stampSize)...)
	s.buffers[0] = b
	s.audio.count(len(b) - header)
	return s.buffers[:1]
}

func (l *lane) count(octets int) {
	l.packets++
	l.octets += uint32(octets)
}
