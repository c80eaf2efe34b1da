package hls

import (
	"testing"
	"time"

	"oneport/media"
)

// heavy is a frame of so many bytes.
func heavy(f *media.FrameFormat, at time.Duration, key bool, bytes int) *media.Frame {
	data := append([]byte{0, 0, 0, 0, 0x41}, make([]byte, bytes-5)...)
	data[1], data[2], data[3] = byte((bytes-4)>>16), byte((bytes-4)>>8), byte(bytes-4)
	if key {
		data[4] = 0x65
	}
	return &media.Frame{Arrival: start.Add(at), Format: f, DTS: at, PTS: at, Key: key, Data: data}
}

// Whatever a publisher sends, and however little time passes in it, the segments have no more bytes than they may. It goes on
// with the next keyframe.
func TestMemoryIsBounded(t *testing.T) {
	const most = 8 << 20
	for name, mp4 := range map[string]bool{"MPEG-TS": false, "MP4": true} {
		t.Run(name, func(t *testing.T) {
			for _, kind := range []media.Kind{media.Audio, media.Video} {
				o := testOptions(mp4)
				o.DASH, o.MaxBytes = mp4, most
				m := New(o, 0)
				s := newSource(t, m)
				s.check = func() {
					if n := m.Stats().Bytes; n > most {
						t.Fatalf("%d bytes of %v", n, kind)
					}
				}
				s.mute, s.blind = kind == media.Video, kind == media.Audio
				size, format := 64<<10, s.video
				if kind == media.Audio {
					size, format = 8000, s.audio
				}
				for i := range time.Duration(10_000) {
					s.push(heavy(format, i*time.Millisecond, i == 0 || kind == media.Audio, size))
				}
				if crowded := m.Stats().Crowded; (crowded == 0) != (kind == media.Audio) {
					t.Errorf("%d frames of %v are left out", crowded, kind)
				}
				if kind == media.Audio {
					continue
				}
				s.at = 11 * time.Second
				before := m.Stats()
				s.groups(4, 2*time.Second)
				if after := m.Stats(); after.Turns != 1 || after.Segments < before.Segments+3 || after.Crowded != before.Crowded || len(m.list) < keptSegments {
					t.Errorf("before: %+v, after: %+v", before, after)
				}
			}
		})
	}
}

// A bit rate that the memory is too small for shortens the list, to three segments at least; what is listed is there.
func TestMemoryShortensTheList(t *testing.T) {
	const most = 8 << 20
	o := testOptions(true)
	o.MaxBytes, o.Window = most, time.Minute
	m := New(o, 0)
	s := newSource(t, m)
	s.mute = true
	for i := range time.Duration(30 * 25) {
		s.push(heavy(s.video, i*40*time.Millisecond, i%50 == 0, 18<<10))
		if n := m.Stats().Bytes; n > most {
			t.Fatalf("%d bytes", n)
		}
	}
	l := parse(t, m.Playlist(""))
	if st := m.Stats(); st.Unlisted == 0 || st.Crowded > 0 || st.Turns > 0 || len(l.names) < keptSegments {
		t.Errorf("%+v\n%v", st, l.names)
	}
	for _, name := range l.names {
		if _, ok := m.Find("live/" + name); !ok {
			t.Errorf("%s is listed, and not there", name)
		}
	}
}

// A publisher that can be asked for a keyframe is asked for the one that pictures were left out up to.
func TestCrowdedSegmentWantsKeyframe(t *testing.T) {
	o := testOptions(true)
	o.MaxBytes = 8 << 20
	m := New(o, 0)
	s := newSource(t, m)
	s.mute = true
	for i := range time.Duration(100) {
		s.push(heavy(s.video, i*time.Millisecond, i == 0, 64<<10))
		if crowded := m.Stats().Crowded > 0; m.WantsKeyframe() != crowded {
			t.Fatalf("picture %d: left out: %v, asked: %v", i, crowded, m.WantsKeyframe())
		}
	}
	if m.Stats().Crowded == 0 {
		t.Error("nothing is left out")
	}
}

// A keyframe that is larger than a segment's share has a segment to itself, and there is none of nothing.
func TestHugeKeyframes(t *testing.T) {
	for name, mp4 := range map[string]bool{"MPEG-TS": false, "MP4": true} {
		o := testOptions(mp4)
		o.MaxBytes = 1 << 20
		m := New(o, 0)
		s := newSource(t, m)
		s.mute = true
		for i := range time.Duration(10) {
			s.push(heavy(s.video, i*time.Second, true, 200<<10))
		}
		if st := m.Stats(); st.Frames != 9 || st.Crowded > 0 || st.Turns > 0 {
			t.Errorf("%s: %+v", name, st)
		}
		for i, d := range parse(t, m.Playlist("")).durations {
			if d != time.Second {
				t.Errorf("%s: segment %d is %v long", name, i, d)
			}
		}
	}
}
