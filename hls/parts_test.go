package hls

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
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

var partLine = regexp.MustCompile(`^#EXT-X-PART:DURATION=([\d.]+),URI="([^"]+)"(,INDEPENDENT=YES)?$`)

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
	t.Parallel()
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
	t.Parallel()
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
