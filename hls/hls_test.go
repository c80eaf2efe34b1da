package hls

import (
	"bytes"
	"encoding/xml"
	"flag"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"oneport/media"
)

var update = flag.Bool("update", false, "write the golden playlists anew")

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

// The playlists of each kind, with what a republication does to them.
func TestPlaylists(t *testing.T) {
	low := testOptions(true)
	low.Part = 500 * time.Millisecond
	dash := testOptions(true)
	dash.DASH, dash.Update = true, 5*time.Second
	keys := testOptions(false)
	keys.KeyEvery, keys.Rand = 2, bytes.NewReader(make([]byte, 1024))
	sealed := testOptions(true)
	sealed.KeyEvery, sealed.Rand, sealed.Names.KeyPrefix = 2, bytes.NewReader(make([]byte, 1024)), "https://keys.example/?"
	prefix := testOptions(false)
	prefix.Names.EntryPrefix = "https://cdn.example"
	for name, o := range map[string]Options{
		"ts": testOptions(false), "mp4": testOptions(true), "low": low, "dash": dash, "keys": keys, "sealed": sealed, "prefix": prefix,
	} {
		m := New(o, 100)
		s := newSource(t, m)
		s.groups(4, time.Second)
		s.groups(2, 2*time.Second)
		m.End()
		again := newSource(t, m)
		again.wall = 10 * time.Second
		again.groups(2, time.Second)
		again.groups(1, 1200*time.Millisecond)
		text := m.Playlist("?hls_ctx=x")
		if name == "dash" {
			text = string(m.MPD(start.Add(time.Minute), "?vhost=x"))
			if err := xml.Unmarshal([]byte(text), new(struct{})); err != nil {
				t.Error(err)
			}
		}
		golden(t, name+".txt", text)
	}
}

func TestMaster(t *testing.T) {
	m := New(testOptions(false), 0)
	newSource(t, m).groups(4, time.Second)
	golden(t, "master.txt", m.Master("?hls_ctx=x"))
}

// listing is what a playlist says.
type listing struct {
	target, sequence, turns int
	durations               []time.Duration
	names                   []string
	discontinuity           []int // sequence number of each segment
}

func parse(t interface{ Fatalf(string, ...any) }, text string) (l listing) {
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		return n
	}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		switch {
		case name == "#EXT-X-TARGETDURATION":
			l.target = number(value)
		case name == "#EXT-X-MEDIA-SEQUENCE":
			l.sequence = number(value)
		case name == "#EXT-X-DISCONTINUITY-SEQUENCE":
			l.turns = number(value)
		case name == "#EXT-X-DISCONTINUITY":
			l.turns++
		case name == "#EXTINF":
			seconds, err := strconv.ParseFloat(strings.TrimSuffix(value, ","), 64)
			if err != nil {
				t.Fatalf("%v in\n%s", err, text)
			}
			l.durations = append(l.durations, time.Duration(math.Round(seconds*1e6))*time.Microsecond)
		case !strings.HasPrefix(line, "#"):
			l.names = append(l.names, name)
			l.discontinuity = append(l.discontinuity, l.turns)
		}
	}
	return l
}

// Whatever a publisher sends: the target duration is never broken nor changed, numbers never go back, a segment keeps its
// name, its length and its discontinuity number as long as it is listed, none is empty, and memory is given back.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		o := testOptions(rapid.Bool().Draw(r, "mp4"))
		o.DASH = o.MP4
		if o.MP4 && rapid.Bool().Draw(r, "low") {
			o.Part = 300 * time.Millisecond
		}
		o.WithFiles = true
		m := New(o, 7)
		s := &source{t: t, m: m, video: h264Format, audio: aacFormat}
		var last listing
		known := make(map[string][2]int)
		segments := uint64(0)
		named := make(map[string]bool)
		s.check = func() {
			for _, c := range m.Changes() {
				if c.Remove || strings.HasSuffix(c.Name, "s.m3u8") || strings.HasSuffix(c.Name, "s.mpd") {
					continue
				}
				if named[c.Name] {
					r.Fatalf("%s is named twice", c.Name)
				}
				named[c.Name] = true
			}
			if !m.Ready() || m.Stats().Segments == segments {
				return
			}
			segments = m.Stats().Segments
			now := parse(r, m.Playlist(""))
			for i, d := range now.durations {
				if d <= 0 || int(math.Round(d.Seconds())) > now.target {
					r.Fatalf("a segment of %v, target %d", d, now.target)
				}
				fact := [2]int{int(d), now.discontinuity[i]}
				if old, ok := known[now.names[i]]; ok && old != fact {
					r.Fatalf("%s was %v and is %v", now.names[i], old, fact)
				}
				known[now.names[i]] = fact
			}
			if last.target != 0 && (now.target != last.target || now.sequence < last.sequence || now.turns < last.turns) {
				r.Fatalf("went from %+v to %+v", last, now)
			}
			last = now
		}
		for range rapid.IntRange(1, 40).Draw(r, "steps") {
			switch rapid.IntRange(0, 9).Draw(r, "step") {
			case 0:
				m.End()
				s.begun, s.at, s.from, s.sounds = false, 0, 0, 0
			case 1:
				s.at += time.Duration(rapid.IntRange(0, 20_000).Draw(r, "gap")) * time.Millisecond
			case 2:
				format := *h264Format
				format.Width, format.Config = 320, append(slices.Clone(h264Format.Config[:len(h264Format.Config)-1]), byte(rapid.IntRange(0, 255).Draw(r, "pps")))
				s.video = &format
				s.picture(40*time.Millisecond, true)
			case 3:
				s.sound(s.at + 3*time.Second)
			default:
				n := rapid.IntRange(1, 200).Draw(r, "pictures")
				for i := range n {
					s.picture(40*time.Millisecond, i == 0)
				}
			}
		}
		for name := range m.files {
			if f, ok := m.Find(name); !ok || len(f.Pieces) == 0 || len(f.Pieces[0]) == 0 {
				r.Fatalf("%s is empty", name)
			}
		}
		m.End()
		m.Dispose()
		if m.Stats().Bytes != 0 {
			r.Fatalf("%d bytes left", m.Stats().Bytes)
		}
	})
}

// Lengths add up over a day, to the millisecond, though no group of pictures is a whole number of them.
func TestDayWithoutDrift(t *testing.T) {
	t.Parallel()
	o := testOptions(false)
	m := New(o, 0)
	const group = 1_999_933_300 * time.Nanosecond
	total, n, seen := time.Duration(0), 0, -1
	item := func(i int) media.FrameItem {
		at := time.Duration(i) * group
		item := media.FrameItem{Frame: &media.Frame{Arrival: start.Add(at), Format: h264Format, DTS: at, PTS: at, Key: true, Data: []byte{0, 0, 0, 2, 0x65, 1}}}
		if i == 0 {
			item.Break = media.Restarted
		}
		return item
	}
	m.Expect([media.Kinds]*media.FrameFormat{media.Video: h264Format})
	for i := range int(24 * time.Hour / group) {
		if err := m.Push(item(i)); err != nil {
			t.Fatal(err)
		}
		if len(m.list) > 0 && int(m.list[len(m.list)-1].Number) > seen {
			s := m.list[len(m.list)-1]
			seen = int(s.Number)
			total += s.Duration()
			n++
		}
	}
	if apart := (total - time.Duration(n)*group).Abs(); n < 43000 || apart > time.Millisecond {
		t.Errorf("%d segments last %v, which is %v off", n, total, apart)
	}
	if d := tags(m.Playlist(""), "#EXT-X-PROGRAM-DATE-TIME:"); len(d) == 0 {
		t.Error("no date")
	} else if at, err := time.Parse(time.RFC3339, d[0]); err != nil || at.Sub(start) < 23*time.Hour {
		t.Errorf("the first date is %s", d[0])
	}
}

// A group of pictures that is longer than the target is cut without a keyframe; the playlist says that no more, and later again.
func TestLongGroup(t *testing.T) {
	m := New(testOptions(true), 0)
	s := newSource(t, m)
	s.groups(3, 2*time.Second)
	if !strings.Contains(m.Playlist(""), "#EXT-X-INDEPENDENT-SEGMENTS") || m.Stats().Forced != 0 {
		t.Fatalf("%+v\n%s", m.Stats(), m.Playlist(""))
	}
	s.groups(1, 7*time.Second)
	if text := m.Playlist(""); strings.Contains(text, "#EXT-X-INDEPENDENT-SEGMENTS") || m.Stats().Forced != 1 || tags(text, "#EXT-X-TARGETDURATION:")[0] != "2" {
		t.Errorf("%+v\n%s", m.Stats(), text)
	}
	s.groups(8, 2*time.Second)
	if text := m.Playlist(""); !strings.Contains(text, "#EXT-X-INDEPENDENT-SEGMENTS") || strings.Contains(text, "DISCONTINUITY") || m.Stats().Forced != 2 {
		t.Error(text)
	}
}

// The first group of pictures sets the target where it is longer than hls_fragment, up to hls_aof_ratio.
func TestTarget(t *testing.T) {
	for group, want := range map[time.Duration]string{
		time.Second: "2", 2 * time.Second: "2", 3 * time.Second: "3", 3600 * time.Millisecond: "4", time.Minute: "4",
	} {
		m := New(testOptions(false), 0)
		newSource(t, m).groups(2, group)
		if got := tags(m.Playlist(""), "#EXT-X-TARGETDURATION:"); got[0] != want {
			t.Errorf("groups of %v: target %s, want %s", group, got[0], want)
		}
	}
}

// A publisher that makes keyframes when asked is asked in time: segments are as long as wanted, the first ones short.
func TestKeyframesOnDemand(t *testing.T) {
	m := New(testOptions(false), 0)
	s := newSource(t, m)
	s.picture(40*time.Millisecond, true)
	asked := 0
	for range 25 * 30 {
		if m.WantsKeyframe() {
			asked++
		}
		s.picture(40*time.Millisecond, asked >= 5) // the answer takes 200 ms
		if asked >= 5 {
			asked = 0
		}
	}
	for i, d := range parse(t, m.Playlist("")).durations {
		if d < 1500*time.Millisecond || d > 2*time.Second {
			t.Errorf("segment %d lasts %v", i, d)
		}
	}
	if m.Stats().Forced > 0 {
		t.Errorf("%+v", m.Stats())
	}
}

// Sound alone; sound that goes on while the picture stands still; a picture without sound.
func TestOneTrack(t *testing.T) {
	m := New(testOptions(true), 0)
	s := newSource(t, m)
	s.blind = true
	s.sound(20 * time.Second)
	l := parse(t, m.Playlist(""))
	for _, d := range l.durations {
		if d > 2*time.Second || d < 1900*time.Millisecond {
			t.Errorf("sound alone: %v", l.durations)
		}
	}
	m = New(testOptions(true), 0)
	s = newSource(t, m)
	s.groups(3, 2*time.Second)
	s.sound(20 * time.Second)
	if l := parse(t, m.Playlist("")); len(l.names) < 4 || l.turns > 0 || m.next < 6 {
		t.Errorf("the picture stands still: %+v", l)
	}
	m = New(testOptions(true), 0)
	s = newSource(t, m)
	s.mute = true
	s.groups(6, 2*time.Second)
	if l := parse(t, m.Playlist("")); len(l.names) != 5 || l.durations[0] != 2*time.Second {
		t.Errorf("no sound: %+v", l)
	}
}

// Sound that the segments can't carry is left out; the picture goes on as if there were none.
func TestSoundLeftOut(t *testing.T) {
	for _, mp4 := range []bool{false, true} {
		m := New(testOptions(mp4), 0)
		s := newSource(t, m)
		s.audio = &media.FrameFormat{Codec: media.PCMU, SampleRate: 8000, Channels: 1}
		s.groups(6, 2*time.Second)
		if l := parse(t, m.Playlist("")); len(l.names) != 5 || l.durations[0] != 2*time.Second || l.turns > 0 || m.run.tracks[media.Audio] != nil {
			t.Errorf("MP4 %v: %+v", mp4, l)
		}
	}
}

// Sound that comes later is taken up at the next keyframe, which is asked for, with a discontinuity.
func TestLateSound(t *testing.T) {
	m := New(testOptions(true), 0)
	s := newSource(t, m)
	s.mute = true
	s.groups(3, 2*time.Second)
	s.mute, s.from = false, s.at
	s.sound(s.at + 100*time.Millisecond)
	if !m.WantsKeyframe() {
		t.Error("no keyframe is wanted")
	}
	s.groups(3, 2*time.Second)
	text := m.Playlist("")
	if maps := tags(text, "#EXT-X-MAP:"); len(maps) != 2 || parse(t, text).turns != 1 {
		t.Error(text)
	}
	if m.run.tracks[media.Audio] == nil {
		t.Error("there is no sound")
	}
}

// However short the frames and the groups of pictures are, there are no more than ten segments in a second of a stream.
func TestShortest(t *testing.T) {
	t.Parallel()
	for ms := time.Duration(1); ms <= 400; ms++ {
		for _, blind := range []bool{false, true} {
			o := testOptions(true)
			o.Fragment, o.Without[media.Video] = 200*time.Millisecond, blind // the least that Settings take
			m := New(o, 0)
			s := newSource(t, m)
			s.blind, s.mute = blind, true
			length := ms * time.Millisecond
			for at := time.Duration(0); at < 20*time.Second; at += length {
				f := &media.Frame{Arrival: start.Add(at), Format: h264Format, DTS: at, PTS: at, Key: true, Data: []byte{0, 0, 0, 3, 0x65, 1, 2}}
				if blind {
					f.Format, f.Data = opusFormat, []byte{0xfc, 0xff, 0xfe}
				}
				s.push(f)
			}
			if n := m.Stats().Segments; n > 20*10 || n < 20*1000/max(300, 2*uint64(ms)) {
				t.Errorf("frames of %v, sound alone %v: %d segments in 20 s", length, blind, n)
			}
		}
	}
}

// A picture that no other follows is in the segment that it belongs to, though sound alone ends that, and no file of a track has
// the name of another, or is listed before it.
func TestStalledPicture(t *testing.T) {
	o := testOptions(true)
	o.DASH, o.Window = true, time.Minute
	m := New(o, 0)
	s := newSource(t, m)
	s.picture(40*time.Millisecond, true)
	s.sound(20 * time.Second)
	if len(m.list) < 3 {
		t.Fatalf("%d segments", len(m.list))
	}
	if first := m.list[0]; first.sizes[media.Video] == 0 || !first.Independent {
		t.Errorf("the picture is not in the first segment: %+v", first)
	}
	s.at = 20 * time.Second
	s.groups(2, 2*time.Second)
	for i, seg := range m.list[1:] {
		for _, track := range seg.run.all() {
			begin, _ := seg.span(track)
			if _, end := m.list[i].span(track); seg.run == m.list[i].run && begin < end {
				t.Errorf("segment %d of the %v begins at %d, before the end of the one before at %d", i+1, track.kind, begin, end)
			}
		}
	}
}
