package hls

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"oneport/media"
)

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

// Who asks for a part that its segment ended without waits for the first of the next (RFC 8216bis, section 6.2.5.2).
func TestReloadPastSegment(t *testing.T) {
	o := testOptions(true)
	o.Part = 500 * time.Millisecond
	m := New(o, 10)
	s := newSource(t, m)
	seen := map[bool]int{}
	s.check = func() {
		if len(m.list) == 0 || m.cur == nil {
			return
		}
		last := m.list[len(m.list)-1]
		want := len(m.cur.parts) > 0
		seen[want]++
		if has, err := m.Has(&Reload{Segment: last.Number, Part: len(last.parts)}); has != want || err != nil {
			t.Fatalf("with %d parts of the next segment: %v, %v", len(m.cur.parts), has, err)
		}
	}
	s.groups(4, 2*time.Second)
	if seen[true] == 0 || seen[false] == 0 {
		t.Error(seen)
	}
}
