package hls

import (
	"slices"
	"strings"
	"testing"
	"time"

	"oneport/media"
)

// rare are pictures that come so seldom, or so late, that parts end while one of them stands; the sound goes on all the while.
var rare = map[string]func(n int) (lasts, late time.Duration){
	"a picture a second":         func(int) (lasts, late time.Duration) { return time.Second, 0 },
	"a picture each two seconds": func(int) (lasts, late time.Duration) { return 2 * time.Second, 0 },
	"gaps": func(n int) (lasts, late time.Duration) {
		if n%30 == 29 {
			return 500*time.Millisecond + time.Duration(n%7)*300*time.Millisecond, 0
		}
		return 33 * time.Millisecond, 0
	},
	"bursts after gaps": func(n int) (lasts, late time.Duration) {
		if n < 40 {
			return 40 * time.Millisecond, 0
		}
		return 40 * time.Millisecond, time.Duration(39-n%40) * 40 * time.Millisecond
	},
}

// publish are the frames of pictures that come so, and of the sound, in order of arrival.
func publish(pictures func(n int) (lasts, late time.Duration), until time.Duration) (list []*media.Frame) {
	at, keyed := time.Duration(0), -2*time.Second
	for n := 0; at < until; n++ {
		lasts, late := pictures(n)
		f := &media.Frame{Arrival: start.Add(at + late), Format: h264Format, DTS: at, PTS: at, Key: at-keyed >= 2*time.Second, Data: []byte{0, 0, 0, 1, 0x41}}
		if f.Key {
			keyed = at
		}
		list = append(list, f)
		at += lasts
	}
	step := usual(aacFormat)
	for at := time.Duration(0); at < until; at += step {
		list = append(list, &media.Frame{Arrival: start.Add(at), Format: aacFormat, DTS: at, PTS: at, Key: true, Data: []byte{0x21}})
	}
	slices.SortStableFunc(list, func(a, b *media.Frame) int { return a.Arrival.Compare(b.Arrival) })
	return list
}

// A player of parts has a segment's keyframe with the first of them: hls.js begins at no other, and where the keyframe comes behind
// sound of its segment it fetches the parts again and again until another one comes. Nor has the picture a hole that browsers would
// wait for a keyframe at, which is where the next picture comes later than twice as long as the one before is said to last (Media
// Source Extensions, coded frame processing).
func TestRarePictures(t *testing.T) {
	for name, pictures := range rare {
		t.Run(name, func(t *testing.T) {
			o := testOptions(true)
			o.Part, o.Window, o.DASH = 500*time.Millisecond, time.Hour, true
			m := New(o, 0)
			m.Expect([media.Kinds]*media.FrameFormat{media.Audio: aacFormat, media.Video: h264Format})
			for i, f := range publish(pictures, 40*time.Second) {
				item := media.FrameItem{Frame: f}
				if i == 0 {
					item.Break = media.Restarted
				}
				if err := m.Push(item); err != nil {
					t.Fatal(err)
				}
			}
			w := &witness{t: t, m: m}
			var last [media.Kinds]stored
			for i, s := range m.list {
				video := s.run.tracks[media.Video]
				if begin, _ := s.span(video); i > 0 && begin > m.list[i-1].spans[media.Video][1] {
					t.Errorf("the picture of segment %d begins at %d, and that of the one before ends at %d", s.Number, begin, m.list[i-1].spans[media.Video][1])
				}
				if s.lead && s.Independent && !s.parts[0].independent {
					t.Errorf("the first part of segment %d, from %v on, has no keyframe", s.Number, s.Start)
				}
				for _, track := range s.run.all() {
					for _, sample := range fragments(w, slices.Concat(content(s.parts, track.kind)...)) {
						before := &last[track.kind]
						apart, lasts := sample.at-before.at, int64(before.duration)
						if track.kind == media.Video && apart > 2*lasts && lasts > 0 || track.kind == media.Audio && apart != lasts && lasts > 0 {
							t.Errorf("%v of %d ticks at %d, and the next at %d", track.kind, lasts, before.at, sample.at)
						}
						*before = sample
					}
				}
			}
			if st := m.Stats(); st.Segments < 10 || st.Turns+st.Late+st.Unready+st.Unwritten > 0 || strings.Count(m.Playlist(""), "#EXT-X-PART:") == 0 {
				t.Errorf("%+v", st)
			}
		})
	}
}

// The parts of a segment have sound up to its end, also where the sound comes later than the picture; without sound it goes on.
func TestSegmentsHaveTheirSound(t *testing.T) {
	for _, behind := range []time.Duration{30, 100, 300, 600, 1700} {
		for _, until := range []time.Duration{time.Hour, 11 * time.Second} {
			o := testOptions(true)
			o.Part, o.Window = 500*time.Millisecond, time.Hour
			m := New(o, 0)
			m.Expect([media.Kinds]*media.FrameFormat{media.Audio: aacFormat, media.Video: h264Format})
			frames := publish(func(int) (lasts, late time.Duration) { return 40 * time.Millisecond, 0 }, 30*time.Second)
			frames = slices.DeleteFunc(frames, func(f *media.Frame) bool { return f.Kind() == media.Audio && f.DTS > until })
			for _, f := range frames {
				if f.Kind() == media.Audio {
					f.Arrival = f.Arrival.Add(behind * time.Millisecond)
				}
			}
			slices.SortStableFunc(frames, func(a, b *media.Frame) int { return a.Arrival.Compare(b.Arrival) })
			pushed, latest := time.Duration(0), time.Duration(0)
			for i, f := range frames {
				item := media.FrameItem{Frame: f}
				if i == 0 {
					item.Break = media.Restarted
				}
				if err := m.Push(item); err != nil {
					t.Fatal(err)
				}
				if pushed = max(pushed, f.DTS); m.Ready() {
					latest = max(latest, pushed-m.grow.start)
				}
			}
			for _, s := range m.list {
				sound := s.run.tracks[media.Audio]
				if end := sound.ticks(min(s.End, until)); s.Start < until && s.spans[media.Audio][1] < end-1024 {
					t.Errorf("sound is %v behind: that of a segment ends at %d, and the segment at %d", behind*time.Millisecond, s.spans[media.Audio][1], end)
				}
			}
			if st := m.Stats(); st.Segments < 14 || st.Forced+st.Turns+st.Late+st.Unready > 0 || latest > 2*time.Second+behind*time.Millisecond {
				t.Errorf("sound is %v behind, until %v: %+v, parts are up to %v late", behind*time.Millisecond, until, st, latest)
			}
		}
	}
}

// Pictures and sound whose times hardly move have no more of them wait than any camera's would.
func TestWaitingIsBounded(t *testing.T) {
	o := testOptions(true)
	o.Part = 500 * time.Millisecond
	m := New(o, 0)
	m.Expect([media.Kinds]*media.FrameFormat{media.Audio: aacFormat, media.Video: h264Format})
	frames := publish(func(int) (lasts, late time.Duration) { return 40 * time.Millisecond, 0 }, time.Second)
	at := time.Second
	for range 3 * maxWaiting {
		at += 100 * time.Microsecond
		arrival := start.Add(at)
		frames = append(frames,
			&media.Frame{Arrival: arrival, Format: h264Format, DTS: 2*time.Second + at, PTS: 2*time.Second + at, Data: []byte{0, 0, 0, 1, 0x41}},
			&media.Frame{Arrival: arrival, Format: aacFormat, DTS: at, PTS: at, Key: true, Data: []byte{0x21}})
	}
	most := 0
	for i, f := range frames {
		item := media.FrameItem{Frame: f}
		if i == 0 {
			item.Break = media.Restarted
		}
		if err := m.Push(item); err != nil {
			t.Fatal(err)
		}
		most = max(most, len(m.wait.items))
	}
	if most != maxWaiting {
		t.Errorf("up to %d pictures wait, want %d", most, maxWaiting)
	}
}
