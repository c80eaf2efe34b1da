package hls

import (
	"slices"
	"strings"
	"testing"
	"time"

	"oneport/media"
)

// pictures pushes pictures of 40 ms up to a time, a keyframe each ten seconds, but for the first group, which sets the target.
func (s *source) pictures(until time.Duration) {
	s.t.Helper()
	for s.at < until {
		s.picture(40*time.Millisecond, s.at%(10*time.Second) == 0 || s.at == 2*time.Second)
	}
}

// watch notes the times of the pictures that the muxer takes.
func watch(m *Muxer) (times func() []time.Duration) {
	seen := make(map[*media.Frame]bool)
	var list []time.Duration
	return func() []time.Duration {
		if m.run != nil {
			if t := m.run.tracks[media.Video]; t != nil && t.pending != nil && !seen[t.pending] {
				seen[t.pending] = true
				list = append(list, t.pending.DTS)
			}
		}
		return list
	}
}

// lawful demands that no segment is longer than the target, nor empty, and that each begins where the one before ends.
func lawful(t *testing.T, m *Muxer) listing {
	t.Helper()
	l := parse(t, m.Playlist(""))
	for i, s := range m.list {
		if int((s.Duration()+time.Second/2).Seconds()) > l.target || s.Duration() <= 0 {
			t.Errorf("segment %d lasts %v, the target is %d s", i, s.Duration(), l.target)
		}
		if s.sizes[kindAll] == 0 {
			t.Errorf("segment %d, from %v to %v, is empty", i, s.Start, s.End)
		}
		if i > 0 && s.run == m.list[i-1].run && s.Start != m.list[i-1].End {
			t.Errorf("segment %d begins at %v, behind the end of the one before at %v", i, s.Start, m.list[i-1].End)
		}
	}
	return l
}

// A picture that stood still goes on without a keyframe and without a discontinuity, whether the sound went on or not.
func TestPictureGoesOn(t *testing.T) {
	t.Parallel()
	type pause struct {
		name        string
		mp4, mute   bool
		sound       bool // it goes on in the pause
		blind       bool
		length      time.Duration
		turns       int
		soundReturn bool // the sound comes first
	}
	var all []pause
	for _, mp4 := range []bool{false, true} {
		for _, length := range []time.Duration{500 * time.Millisecond, 2 * time.Second, 3 * time.Second, 4 * time.Second, 4600 * time.Millisecond} {
			all = append(all, pause{name: "no sound", mp4: mp4, mute: true, length: length}, pause{name: "both pause", mp4: mp4, length: length},
				pause{name: "both pause, the sound comes first", mp4: mp4, length: length, soundReturn: true})
		}
		for _, length := range []time.Duration{time.Second, 3 * time.Second, 7 * time.Second, time.Minute, 14 * time.Hour} {
			if length > time.Hour && !mp4 {
				continue
			}
			all = append(all, pause{name: "the sound goes on", mp4: mp4, sound: true, length: length})
		}
		all = append(all, pause{name: "no sound, for long", mp4: mp4, mute: true, length: time.Minute, turns: 1},
			pause{name: "both pause for long", mp4: mp4, length: time.Minute, turns: 1},
			pause{name: "both pause for long, the sound comes first", mp4: mp4, length: time.Minute, turns: 1, soundReturn: true})
	}
	for _, p := range all {
		o := testOptions(p.mp4)
		o.Window = time.Minute
		m := New(o, 0)
		s := newSource(t, m)
		s.mute = p.mute
		times := watch(m)
		s.check = func() { times() }
		s.pictures(11 * time.Second)
		s.at += p.length
		if !p.sound {
			s.sounds += int(p.length * 48000 / 1024 / time.Second)
		}
		if p.soundReturn {
			s.sound(s.at + 100*time.Millisecond)
		}
		back := s.at
		s.pictures(back + 12*time.Second)
		name := p.name + " " + p.length.String()
		if p.mp4 {
			name += " mp4"
		}
		t.Run(name, func(t *testing.T) {
			if st := m.Stats(); st.Unready > 0 || st.Late > 0 || int(st.Turns) != p.turns || st.Unwritten > 0 {
				t.Errorf("%+v", st)
			}
			if l := lawful(t, m); l.turns != p.turns {
				t.Errorf("%d discontinuities", l.turns)
			}
			if got, want := len(times()), int((11*time.Second+12*time.Second)/(40*time.Millisecond)); got != want {
				t.Errorf("%d pictures of %d", got, want)
			}
			if p.mp4 {
				contiguous(t, m)
			}
		})
	}
}

// contiguous demands that no sample is longer than a segment can be, and that what is in a segment belongs there.
func contiguous(t *testing.T, m *Muxer) {
	t.Helper()
	for _, s := range m.list {
		for _, track := range s.run.all() {
			if s.sizes[track.kind] == 0 {
				continue
			}
			begin, end := s.span(track)
			if first, last := track.ticks(s.Start-1500*time.Millisecond), track.ticks(s.End+1500*time.Millisecond); begin < first || end > last {
				t.Errorf("the %v of the segment from %v to %v is from %d to %d", track.kind, s.Start, s.End, begin, end)
			}
		}
	}
}

// Pictures that come ever slower than segments end are all there.
func TestSlides(t *testing.T) {
	for _, step := range []time.Duration{time.Second, 2500 * time.Millisecond, 3300 * time.Millisecond, 4900 * time.Millisecond, 20 * time.Second} {
		for _, mute := range []bool{false, true} {
			o := testOptions(true)
			o.Window = 5 * time.Minute
			m := New(o, 0)
			s := newSource(t, m)
			s.mute = mute
			for i := range 60 {
				s.picture(step, i == 0)
			}
			lawful(t, m)
			st := m.Stats()
			if st.Unready > 0 || st.Late > 0 || st.Turns > 60 || !mute && st.Turns > 0 {
				t.Errorf("a picture each %v, mute %v: %+v", step, mute, st)
			}
		}
	}
}

// Sound whose times run away alone is left out; the picture does not suffer from it.
func TestSoundRunsAway(t *testing.T) {
	for _, by := range []time.Duration{time.Hour, -time.Hour} {
		m := New(testOptions(true), 0)
		s := newSource(t, m)
		s.at, s.from = 2*time.Hour, 2*time.Hour
		s.pictures(2*time.Hour + 11*time.Second)
		away := s.at + by
		for range 25 * 30 {
			s.sounds = 1 << 40 // there is none but this
			s.picture(40*time.Millisecond, s.at%(10*time.Second) == 0)
			away += 40 * time.Millisecond
			s.push(&media.Frame{Arrival: start.Add(s.at), Format: aacFormat, DTS: away, PTS: away, Key: true, Data: []byte{0x21, 0x10, 4}})
		}
		lawful(t, m)
		if st := m.Stats(); st.Turns > 1 || st.Segments > 30 {
			t.Errorf("sound away by %v: %+v\n%s", by, st, m.Playlist(""))
		}
	}
}

// A picture that was left out is not built on: after it a keyframe is waited for.
func TestTimesGoBack(t *testing.T) {
	m := New(testOptions(true), 0)
	s := newSource(t, m)
	s.mute = true
	s.pictures(11 * time.Second)
	s.at = 2*time.Second + 40*time.Millisecond
	for range 100 {
		s.picture(40*time.Millisecond, false)
	}
	if st := m.Stats(); st.Unready != 100 || st.Turns != 0 || !m.WantsKeyframe() {
		t.Errorf("%+v", st)
	}
	s.groups(3, 2*time.Second)
	if st := m.Stats(); st.Unready != 100 || st.Turns != 1 || strings.Count(m.Playlist(""), "DISCONTINUITY\n") != 1 {
		t.Errorf("%+v", st)
	}
}

// A player decodes every picture before and after a pause, though none behind it is a keyframe.
func TestDecodePause(t *testing.T) {
	for _, mp4 := range []bool{false, true} {
		o := testOptions(mp4)
		o.Fragment = 500 * time.Millisecond
		m := New(o, 0)
		frames := recorded(t, "h265-aac.ts")
		last := frames[len(frames)-1].DTS
		var formats [media.Kinds]*media.FrameFormat
		for _, f := range frames {
			formats[f.Kind()] = f.Format
		}
		m.Expect(formats)
		for i, f := range frames {
			if f.DTS > last-300*time.Millisecond {
				f.DTS, f.PTS, f.Arrival = f.DTS+2*time.Second, f.PTS+2*time.Second, f.Arrival.Add(2*time.Second)
			}
			item := media.FrameItem{Frame: f}
			if i == 0 {
				item.Break, item.From = media.Restarted, f.DTS
			}
			if err := m.Push(item); err != nil {
				t.Fatal(err)
			}
		}
		m.End()
		if st := m.Stats(); len(m.list) < 3 || st.Turns > 0 || st.Unready > 0 {
			t.Errorf("MP4 %v: %d segments, %+v", mp4, len(m.list), st)
		}
		lawful(t, m)
		if count, _ := probed(t, played(t, m, kindAll)); count["hevc"] != 10 {
			t.Errorf("MP4 %v: %v", mp4, count)
		}
	}
}

// However often the format or the timeline changes, there are no more segments than time allows, and what is listed is bounded.
func TestChangesAreBounded(t *testing.T) {
	for _, back := range []bool{false, true} {
		m := New(testOptions(true), 0)
		s := newSource(t, m)
		s.mute = true
		for i := range 4000 {
			arrival := time.Duration(i) * time.Millisecond
			format, at := *h264Format, arrival
			if back {
				at = time.Duration(4000-i) * 2 * time.Second
			} else {
				format.Config = append(slices.Clone(h264Format.Config), byte(i))
			}
			s.video = &format
			s.push(&media.Frame{Arrival: start.Add(arrival), Format: &format, DTS: at, PTS: at, Key: true, Data: []byte{0, 0, 0, 3, 0x65, 1, 2}})
		}
		if n := m.Stats().Segments; n < 10 || n > 40 {
			t.Errorf("times go back %v: %d segments in 4 s", back, n)
		}
		s.groups(100, 2*time.Second)
		if len(m.list) > 110 {
			t.Errorf("%d are listed", len(m.list))
		}
	}
}
