package hls

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"flag"
	"io"
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
			text = string(m.MPD(start.Add(time.Minute)))
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
		m := New(o, 7)
		s := &source{t: t, m: m, video: h264Format, audio: aacFormat}
		var last listing
		known := make(map[string][2]int)
		segments := uint64(0)
		s.check = func() {
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
		for name, f := range m.files {
			if f, ok := m.Find(name); !ok || len(f.Pieces) == 0 || len(f.Pieces[0]) == 0 {
				r.Fatalf("%s is empty", name)
			}
			_ = f
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

// Encrypted segments are what the plain ones are.
func TestKeys(t *testing.T) {
	plain, o := New(testOptions(false), 5), testOptions(false)
	o.KeyEvery, o.Rand = 2, bytes.NewReader(bytes.Repeat([]byte("0123456789abcdef"), 8))
	sealed := New(o, 5)
	newSource(t, plain).groups(5, 2*time.Second)
	newSource(t, sealed).groups(5, 2*time.Second)
	if keys := tags(sealed.Playlist(""), "#EXT-X-KEY:"); len(keys) != 2 {
		t.Errorf("keys: %v", keys)
	}
	for _, s := range plain.list {
		want, _ := plain.Find(s.name)
		got, ok := sealed.Find(s.name)
		if !ok {
			t.Fatal(s.name)
		}
		block, _ := aes.NewCipher([]byte("0123456789abcdef"))
		iv := make([]byte, 16)
		binary.BigEndian.PutUint64(iv[8:], s.Number)
		b := slices.Concat(got.Pieces...)
		cipher.NewCBCDecrypter(block, iv).CryptBlocks(b, b)
		b = b[:len(b)-int(b[len(b)-1])]
		if !bytes.Equal(b, slices.Concat(want.Pieces...)) {
			t.Errorf("segment %d is another", s.Number)
		}
	}
}

// What falls out of the window is forgotten after a while, with its initialization segments and keys.
func TestWindow(t *testing.T) {
	o := testOptions(true)
	o.DASH, o.WithFiles = true, true
	m := New(o, 0)
	var most, bytes int
	there := make(map[string]bool)
	for range 10 {
		s := newSource(t, m)
		s.groups(20, 2*time.Second)
		m.End()
		most = max(most, len(m.files))
		bytes = max(bytes, m.Stats().Bytes)
		for _, c := range m.Changes() {
			there[c.Name] = !c.Remove
			if !c.Remove && len(c.Pieces) == 0 {
				t.Errorf("%s has nothing", c.Name)
			}
			m.Written(c)
		}
	}
	kept := 0
	for _, there := range there {
		if there {
			kept++
		}
	}
	if most > 60 || kept != len(m.files)+2 {
		t.Errorf("%d files, %d on the disk, %d at most", len(m.files), kept, most)
	}
	for _, s := range m.list {
		if f, ok := m.Find(s.name); !ok || !f.OnDisk || f.Pieces != nil {
			t.Errorf("%s is still in memory", s.name)
		}
	}
}

func TestReload(t *testing.T) {
	o := testOptions(true)
	o.Part = 500 * time.Millisecond
	m := New(o, 10)
	s := newSource(t, m)
	s.groups(3, 2*time.Second)
	s.groups(1, 1200*time.Millisecond) // segment 13 grows and has two parts
	for _, test := range []struct {
		msn, part string
		has       bool
		err       error
	}{
		{"12", "", true, nil}, {"12", "9", true, nil}, {"13", "", false, nil}, {"13", "1", true, nil}, {"13", "2", false, nil},
		{"13", "3", false, nil}, {"14", "", false, nil}, {"14", "0", false, nil}, {"15", "", false, ErrAhead}, {"13", "99", false, ErrAhead},
		{"", "1", false, errReload}, {"x", "", false, errReload}, {"-1", "", false, errReload}, {"12", "-1", false, errReload},
		{"99999999999999999999", "", false, errReload}, {"9223372036854775807", "", false, ErrAhead},
	} {
		want, err := ParseReload(test.msn, test.part)
		has := false
		if err == nil {
			has, err = m.Has(want)
		}
		if has != test.has || !errors.Is(err, test.err) {
			t.Errorf("msn %q part %q: %v, %v", test.msn, test.part, has, err)
		}
	}
	hint := tags(m.Playlist(""), `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="`)[0]
	if name := "live/" + strings.TrimSuffix(hint, `"`); !m.Comes(name) {
		t.Errorf("%s does not come", name)
	}
	s.groups(1, time.Second)
	if f, ok := m.Find("live/" + strings.TrimSuffix(hint, `"`)); !ok || len(f.Pieces) == 0 {
		t.Error("the part has not come")
	}
	whole, _ := m.Find("live/s-12.m4s")
	var parts [][]byte
	for i := 0; ; i++ {
		p, ok := m.Find("live/s-12.p" + strconv.Itoa(i) + ".m4s")
		if !ok {
			break
		}
		parts = append(parts, p.Pieces...)
	}
	if !bytes.Equal(slices.Concat(whole.Pieces...), slices.Concat(parts...)) {
		t.Error("the parts are not the segment", m.Playlist(""))
	}
}

func TestReader(t *testing.T) {
	r := NewReader([][]byte{[]byte("ab"), nil, []byte("cde")})
	if b, err := io.ReadAll(r); string(b) != "abcde" || err != nil {
		t.Fatal(string(b), err)
	}
	for _, test := range []struct {
		offset int64
		whence int
		want   string
	}{{1, io.SeekStart, "bcde"}, {-2, io.SeekEnd, "de"}, {9, io.SeekStart, ""}} {
		if _, err := r.Seek(test.offset, test.whence); err != nil {
			t.Fatal(err)
		}
		if b, _ := io.ReadAll(r); string(b) != test.want {
			t.Errorf("%d: %q", test.offset, b)
		}
	}
	if _, err := r.Seek(-1, io.SeekStart); err == nil {
		t.Error("before the beginning")
	}
}

func TestUnknownCodecs(t *testing.T) {
	for codec, want := range map[media.Codec][2]bool{
		media.H264: {true, true}, media.H265: {true, true}, media.AAC: {true, true}, media.AV1: {false, true}, media.VP9: {false, true},
		media.Opus: {false, true}, media.VP8: {false, false}, media.PCMU: {false, false},
	} {
		for i, mp4 := range []bool{false, true} {
			err := CheckCodec(codec, mp4)
			if (err == nil) != want[i] || err != nil && !strings.Contains(err.Error(), codec.String()) {
				t.Errorf("%v, mp4 %v: %v", codec, mp4, err)
			}
		}
	}
}
