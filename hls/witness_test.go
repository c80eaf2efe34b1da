package hls

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"oneport/media"
)

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
