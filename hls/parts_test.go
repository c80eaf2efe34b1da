package hls

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"oneport/media"
)

// scene is a publication in which the picture stands still for a while.
type scene struct {
	frame   time.Duration // from picture to picture
	rounded bool          // times are whole milliseconds, as by RTMP
	jitter  []time.Duration
	group   time.Duration // from keyframe to keyframe
	stands  []time.Duration
	key     bool          // the picture comes back with a keyframe
	reorder time.Duration // PTS is later than DTS by up to that
	behind  time.Duration // how much later than the picture the sound comes; negative: ahead
	part    time.Duration
	audio   *media.FrameFormat
	mute    bool
	blind   bool
	pauses  bool // the sound stands still with the picture
}

// silent says that there are times at which nothing at all is published.
func (s scene) silent() bool { return s.mute || s.pauses }

func (s scene) String() string {
	return fmt.Sprintf("frame %v rounded %v jitter %v group %v stands %v key %v reorder %v sound behind by %v part %v mute %v blind %v pauses %v",
		s.frame, s.rounded, s.jitter, s.group, s.stands, s.key, s.reorder, s.behind, s.part, s.mute, s.blind, s.pauses)
}

// frames are what is published, in order of arrival. The data is a number that no other frame has.
func (s scene) frames() (list []*media.Frame) {
	add := func(format *media.FrameFormat, at, later time.Duration, key bool, pts time.Duration) {
		if s.rounded {
			at, pts = millis(at), millis(pts)
		}
		data := binary.BigEndian.AppendUint64(nil, uint64(len(list)))
		list = append(list, &media.Frame{Arrival: start.Add(at + later), Format: format, DTS: at, PTS: pts, Key: key, Data: data})
	}
	at, n := time.Duration(0), 0
	keyed := -s.group
	var paused [][2]time.Duration
	for i, stand := range append(slices.Clone(s.stands), 0) {
		for until := at + 5*time.Second; at < until; n++ {
			length := s.frame
			if len(s.jitter) > 0 {
				length = s.jitter[n%len(s.jitter)]
			}
			key := at-keyed >= s.group || i > 0 && s.key && at+5*time.Second == until
			if key {
				keyed = at
			}
			if !s.blind {
				add(h264Format, at, 0, key, at+s.reorder*time.Duration(n%3)/2)
			}
			at += length
		}
		paused = append(paused, [2]time.Duration{at, at + stand})
		at += stand
	}
	if step := usual(s.audio); !s.mute {
		for i := range at / step {
			if s.pauses && slices.ContainsFunc(paused, func(p [2]time.Duration) bool { return i*step > p[0] && i*step < p[1] }) {
				continue
			}
			add(s.audio, time.Duration(int64(i)*int64(step)), s.behind, true, time.Duration(int64(i)*int64(step)))
		}
	}
	slices.SortStableFunc(list, func(a, b *media.Frame) int { return a.Arrival.Compare(b.Arrival) })
	return list
}

// piece is one listed part.
type piece struct {
	length      time.Duration
	independent bool
	data        []byte
}

// witness is a player that reads every playlist, and forgets nothing.
type witness struct {
	t      interface{ Fatalf(string, ...any) }
	m      *Muxer
	scene  scene
	text   string
	target time.Duration
	lead   int // the leading track's number
	long   int // parts longer than the target
	parts  map[string]piece
	total  map[string]time.Duration // segments
	inside map[string][]string      // the parts of a segment
	end    time.Duration            // of what is listed
	got    [media.Kinds][]stored    // everything that complete segments have
	spans  [media.Kinds]int64       // where they end, in ticks
	hollow [media.Kinds]bool        // the last one has nothing
}

var partLine = regexp.MustCompile(`^#EXT-X-PART:DURATION=([\d.]+),URI="([^"]+)"(,INDEPENDENT=YES)?$`)

func (w *witness) fatalf(format string, args ...any) {
	w.t.Fatalf("%v\n%s\n%s", w.scene, fmt.Sprintf(format, args...), w.text)
}

func (w *witness) seconds(text string) time.Duration {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		w.fatalf("%v", err)
	}
	return time.Duration(math.Round(f*1000)) * time.Millisecond
}

// reads demands that a playlist keeps the laws, and that nothing in it is another than before.
func (w *witness) reads() {
	text := w.m.Playlist("")
	if !w.m.Ready() || text == w.text {
		return
	}
	w.text = text
	if target := w.seconds(tags(text, "#EXT-X-PART-INF:PART-TARGET=")[0]); w.target != 0 && target != w.target {
		w.fatalf("PART-TARGET was %v", w.target)
	} else {
		w.target = target
	}
	whole, _ := strconv.Atoi(tags(text, "#EXT-X-TARGETDURATION:")[0])
	var lengths []time.Duration
	var names []string
	sum, extinf := time.Duration(0), time.Duration(0)
	w.end = w.m.list[0].Start - w.m.list[0].run.from
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if p := partLine.FindStringSubmatch(line); p != nil {
			if n := len(lengths); n > 0 && 100*lengths[n-1] < 85*w.target && (!w.scene.silent() || !strings.Contains(line, "s-0.")) {
				w.fatalf("a part of %v, and another behind it", lengths[n-1])
			}
			lengths, names = append(lengths, w.seconds(p[1])), append(names, p[2])
			sum += w.seconds(p[1])
			w.part(p[2], w.seconds(p[1]), p[3] != "")
		} else if d, ok := strings.CutPrefix(line, "#EXTINF:"); ok {
			extinf = w.seconds(strings.TrimSuffix(d, ","))
			if int(math.Round(extinf.Seconds())) > whole || extinf <= 0 {
				w.fatalf("a segment of %v", extinf)
			}
		} else if !strings.HasPrefix(line, "#") {
			if len(lengths) > 0 && sum != extinf {
				w.fatalf("the parts of %s are %v, which is %v, not %v", line, lengths, sum, extinf)
			}
			w.segment(line, extinf, names)
			w.end += extinf
			lengths, names, sum = nil, nil, 0
		}
	}
	w.end += sum
}

func (w *witness) part(name string, length time.Duration, independent bool) {
	f, ok := w.m.Find("live/" + name)
	if !ok {
		w.fatalf("%s is not there", name)
	}
	now := piece{length, independent, slices.Concat(f.Pieces...)}
	old, known := w.parts[name]
	if known && (old.length != now.length || old.independent != now.independent || !bytes.Equal(old.data, now.data)) {
		w.fatalf("%s was %v, and is %v", name, old.length, length)
	}
	if known {
		return
	}
	w.parts[name] = now
	if length > w.target {
		w.long++
	}
	if length <= 0 || length > w.target && !w.scene.silent() {
		w.fatalf("a part of %v, the target is %v", length, w.target)
	}
	keys := 0
	for _, s := range fragments(w, now.data) {
		if s.key && (s.track == w.lead) {
			keys++
		}
	}
	if independent != (keys > 0) {
		w.fatalf("%s is said to be independent: %v, and has %d keyframes", name, independent, keys)
	}
}

// segment demands that a complete segment is the parts that were listed of it.
func (w *witness) segment(name string, length time.Duration, names []string) {
	old, known := w.total[name]
	if known && old != length || known && len(names) > 0 && !slices.Equal(names, w.inside[name]) {
		w.fatalf("%s was %v of %v, and is %v of %v", name, old, w.inside[name], length, names)
	}
	if w.total[name] = length; known {
		return
	}
	w.inside[name] = names
	f, _ := w.m.Find("live/" + name)
	var data []byte
	for _, part := range names {
		data = append(data, w.parts[part].data...)
	}
	if whole := slices.Concat(f.Pieces...); len(whole) == 0 || !bytes.Equal(whole, data) {
		w.fatalf("%s has %d bytes, its parts have %d", name, len(whole), len(data))
	}
	w.watches(w.m.list[slices.IndexFunc(w.m.list, func(s *Segment) bool { return s.name == "live/"+name })])
}

// watches takes what a complete segment has, and demands that the files of its tracks are in order: the sound has no gap. One
// without any sound stands for its time all the same, though sound may be behind that belongs there; the next is not compared.
func (w *witness) watches(s *Segment) {
	for _, t := range s.run.all() {
		begin, end := s.span(t)
		list := fragments(w, slices.Concat(content(s.parts, t.kind)...))
		before, gap := w.spans[t.kind], w.hollow[t.kind] || len(list) == 0 || w.scene.pauses
		if end <= begin || t.kind == media.Audio && !gap && before > 0 && begin != before {
			w.fatalf("the %v of a segment is from %d to %d, of the one before to %d", t.kind, begin, end, before)
		}
		if !gap && list[0].at != begin {
			w.fatalf("the %v of a segment begins at %d, not at %d", t.kind, list[0].at, begin)
		}
		w.spans[t.kind], w.hollow[t.kind] = end, len(list) == 0
		w.got[t.kind] = append(w.got[t.kind], list...)
	}
}

// stored is a sample as a player finds it.
type stored struct {
	track    int
	at       int64
	duration uint32
	offset   int32
	key      bool
	data     []byte
}

// fragments reads the samples of fragments.
func fragments(w *witness, b []byte) (list []stored) {
	be := binary.BigEndian
	for len(b) > 0 {
		size := be.Uint32(b)
		if string(b[4:8]) != "moof" || size < 96 {
			w.fatalf("not a fragment: %q", b[:8])
		}
		traf := b[24:size]
		track, at := int(be.Uint32(traf[8+12:])), int64(be.Uint64(traf[8+16+12:]))
		trun := traf[8+16+20:]
		if count := be.Uint32(trun[12:]); count == 0 {
			w.fatalf("a fragment without samples")
		}
		data := b[size+8:]
		for i := range be.Uint32(trun[12:]) {
			e := trun[20+16*i:]
			s := stored{track: track, at: at, duration: be.Uint32(e), offset: int32(be.Uint32(e[12:])), key: be.Uint32(e[8:])&0x10000 == 0}
			n := be.Uint32(e[4:])
			s.data, data = data[:n], data[n:]
			at += int64(s.duration)
			list = append(list, s)
		}
		b = data
	}
	return list
}

// plays publishes a scene, reads every playlist, and demands that everything can be played.
func (s scene) plays(t interface{ Fatalf(string, ...any) }) *Muxer {
	o := testOptions(true)
	o.Part, o.DASH, o.Window, o.Update = s.part, true, 10*time.Second, time.Second
	m := New(o, 0)
	w := &witness{t: t, m: m, scene: s, lead: 2, parts: make(map[string]piece), total: make(map[string]time.Duration), inside: make(map[string][]string)}
	var formats [media.Kinds]*media.FrameFormat
	if !s.blind {
		formats[media.Video] = h264Format
	}
	if !s.mute {
		formats[media.Audio] = s.audio
	}
	if s.mute || s.blind {
		w.lead = 1
	}
	m.Expect(formats)
	frames := s.frames()
	for i, f := range frames {
		item := media.FrameItem{Frame: f}
		if i == 0 {
			item.Break, item.From = media.Restarted, 0
		}
		if err := m.Push(item); err != nil {
			t.Fatalf("%v", err)
		}
		w.reads()
		// Whatever stands still: what has come is listed soon.
		if late := f.DTS - w.end; m.Ready() && f.Kind() == media.Audio && !s.pauses && late > 2*m.part+max(-s.behind, 0)+100*time.Millisecond {
			w.fatalf("sound of %v has come, and the playlist ends at %v", f.DTS, w.end)
		}
	}
	run := m.run
	m.End()
	w.reads()
	w.complete(run, frames)
	if st := m.Stats(); int(st.LongParts) != w.long || st.Turns > 0 || st.Late+st.Unready+st.Unwritten > 0 {
		w.fatalf("%+v, %d long parts", st, w.long)
	}
	return m
}

// complete demands that each frame is there once, when it was to be.
func (w *witness) complete(r *run, frames []*media.Frame) {
	var want [media.Kinds][]*media.Frame
	for _, f := range frames {
		want[f.Kind()] = append(want[f.Kind()], f)
	}
	got := &w.got
	for k, frames := range want {
		if len(got[k]) != len(frames) {
			w.fatalf("%d of %d frames of %v", len(got[k]), len(frames), media.Kind(k))
		}
		for i, f := range frames {
			s, t := got[k][i], r.tracks[k]
			if s.at != t.ticks(f.DTS) || int64(s.offset) != t.ticks(f.PTS)-s.at || s.key != f.Key || !bytes.Equal(s.data, f.Data) {
				w.fatalf("frame %d of %v at %v is %+v", i, media.Kind(k), f.DTS, s)
			}
			if i > 0 && s.at <= got[k][i-1].at {
				w.fatalf("frame %d of %v is not later than the one before", i, media.Kind(k))
			}
		}
	}
}

var aac44 = &media.FrameFormat{Codec: media.AAC, SampleRate: 44100, Channels: 2, Config: []byte{0x12, 0x10}}

// Parts are as long as announced with any frame rate, however they are rounded.
func TestPartLengths(t *testing.T) {
	for _, part := range []time.Duration{100, 200, 333, 500} {
		for _, fps := range []float64{15, 23.976, 25, 29.97, 30, 50, 60} {
			for _, rounded := range []bool{false, true} {
				scene{frame: time.Duration(float64(time.Second) / fps), rounded: rounded, group: 2 * time.Second, part: part * time.Millisecond, audio: aacFormat}.plays(t)
			}
		}
		for _, audio := range []*media.FrameFormat{aacFormat, aac44, opusFormat} {
			scene{frame: time.Second, group: 2 * time.Second, part: part * time.Millisecond, audio: audio, blind: true}.plays(t)
		}
		scene{jitter: []time.Duration{5e6, 90e6, 33e6, 200e6, 17e6, 41e6, 66e6, 150e6, 12e6}, group: 2 * time.Second, part: part * time.Millisecond, audio: opusFormat}.plays(t)
	}
}

// While the picture stands still the sound goes on in parts that are no longer than announced.
func TestPartsWhilePictureStands(t *testing.T) {
	for _, part := range []time.Duration{200 * time.Millisecond, 500 * time.Millisecond} {
		for _, stand := range []time.Duration{300 * time.Millisecond, time.Second, 3 * time.Second, 10 * time.Second} {
			for _, behind := range []time.Duration{-600, -300, -50, 0, 50, 300, 600} {
				s := scene{frame: 40 * time.Millisecond, group: time.Minute, stands: []time.Duration{stand}, behind: behind * time.Millisecond, part: part, audio: opusFormat}
				s.plays(t)
				s.frame, s.group, s.reorder, s.key, s.audio = time.Second/30, 2*time.Second, 80*time.Millisecond, true, aacFormat
				s.plays(t)
			}
		}
	}
}

// Where nothing comes for a while, a part may be as long as that, and is counted; everything else holds.
func TestPartsOfSilence(t *testing.T) {
	for _, stand := range []time.Duration{300 * time.Millisecond, time.Second, 2 * time.Second, 3 * time.Second} {
		for _, key := range []bool{false, true} {
			for _, behind := range []time.Duration{-300, 0, 300} {
				s := scene{frame: 40 * time.Millisecond, group: 2 * time.Second, stands: []time.Duration{stand, stand}, key: key, behind: behind * time.Millisecond, part: 500 * time.Millisecond, audio: aacFormat}
				s.mute = true
				s.plays(t)
				s.mute, s.pauses = false, true
				if m := s.plays(t); stand < 500*time.Millisecond && m.Stats().LongParts > 0 {
					t.Errorf("%v: %+v", s, m.Stats())
				}
			}
		}
	}
}

// The same for any such publication.
func TestPartsOfAnyScene(t *testing.T) {
	ms := func(r *rapid.T, from, to int, name string) time.Duration {
		return time.Duration(rapid.IntRange(from, to).Draw(r, name)) * time.Millisecond
	}
	rapid.Check(t, func(r *rapid.T) {
		s := scene{
			frame: time.Duration(rapid.IntRange(8_000, 100_000).Draw(r, "frame")) * time.Microsecond, rounded: rapid.Bool().Draw(r, "rounded"),
			group: ms(r, 100, 10_000, "group"), key: rapid.Bool().Draw(r, "key"), reorder: ms(r, 0, 100, "reorder"),
			pauses: rapid.IntRange(0, 4).Draw(r, "pauses") == 0, mute: rapid.IntRange(0, 9).Draw(r, "mute") == 0, behind: ms(r, -600, 600, "behind"), part: ms(r, 100, 2000, "part"), audio: rapid.SampledFrom([]*media.FrameFormat{aacFormat, aac44, opusFormat}).Draw(r, "audio"),
		}
		longest := 12_000
		if s.silent() {
			longest = 3000
		} else {
			s.blind = rapid.IntRange(0, 9).Draw(r, "blind") == 0
		}
		for range rapid.IntRange(0, 2).Draw(r, "stands") {
			s.stands = append(s.stands, ms(r, 100, longest, "stand"))
		}
		for range rapid.IntRange(0, 6).Draw(r, "jitters") {
			s.jitter = append(s.jitter, ms(r, 5, 300, "jitter"))
		}
		s.plays(r)
	})
}

// A keyframe that comes later than the sound that belongs to it begins its segment all the same: pictures of before stay in the one
// before, though a part was closed without them.
func TestKeyframeBehindSound(t *testing.T) {
	o := testOptions(true)
	o.Part = 500 * time.Millisecond
	m := New(o, 0)
	s := newSource(t, m)
	for range 12 {
		for i := range 50 {
			if i == 0 {
				s.sound(s.at + 950*time.Millisecond)
			}
			s.picture(40*time.Millisecond, i == 0)
		}
	}
	if st := m.Stats(); st.Segments < 10 || st.Forced > 0 || !strings.Contains(m.Playlist(""), "#EXT-X-INDEPENDENT-SEGMENTS") {
		t.Errorf("%+v\n%s", st, m.Playlist(""))
	}
}

// Parts keep the names that they were listed by when their segment is complete, though it is known better then when it began.
func TestPartsKeepTheirNames(t *testing.T) {
	o := testOptions(true)
	o.Part = 200 * time.Millisecond
	o.Names.Segment = "[app]/[stream]-[seq]-[timestamp].m4s"
	m := New(o, 0)
	s := newSource(t, m)
	s.mute, s.wall = true, 500*time.Millisecond
	s.check = func() {
		s.wall = max(s.wall-20*time.Millisecond, 0) // each picture is less late than the one before
		for _, uri := range regexp.MustCompile(`EXT-X-PART:.*URI="([^"]+)"`).FindAllStringSubmatch(m.Playlist(""), -1) {
			if _, ok := m.Find("live/" + uri[1]); !ok {
				t.Fatalf("%s is listed, and not there", uri[1])
			}
		}
	}
	s.groups(4, 2*time.Second)
	if m.Stats().Segments < 3 {
		t.Errorf("%+v", m.Stats())
	}
}
