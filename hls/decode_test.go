package hls

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"oneport/media"
	"oneport/ts"
)

// recorded are the frames of a file that ffmpeg made: one second, ten pictures, a keyframe each half a second.
func recorded(t *testing.T, name string) (frames []*media.Frame) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Ext(name) == ".ts" {
		var r ts.Reader
		frames = r.Flush(start, r.Read(start, nil, b))
		slices.SortStableFunc(frames, func(a, b *media.Frame) int { return int(a.DTS - b.DTS) })
		return frames
	}
	var format *media.FrameFormat
	for b = b[32:]; len(b) > 12; { // IVF
		size := binary.LittleEndian.Uint32(b)
		f := &media.Frame{Data: b[12 : 12+size], DTS: time.Duration(len(frames)) * 100 * time.Millisecond}
		b = b[12+size:]
		var config []byte
		codec := media.VP9
		if name == "av1.ivf" {
			codec = media.AV1
			config, f.Data = temporalUnit(t, f.Data)
		} else {
			config = media.VP9Config(f.Data)
		}
		if f.Key = config != nil; f.Key && format == nil {
			if format, err = media.NewFrameFormat(codec, config); err != nil {
				t.Fatal(err)
			}
			format.Width, format.Height = 320, 180
		}
		f.Format, f.PTS, f.Arrival = format, f.DTS, start.Add(f.DTS)
		frames = append(frames, f)
	}
	return frames
}

// temporalUnit takes the delimiters out of AV1's, and makes the configuration of its sequence header.
func temporalUnit(t *testing.T, b []byte) (config, unit []byte) {
	t.Helper()
	const delimiter = 2
	for obu, err := range media.OBUs(b) {
		if err != nil {
			t.Fatal(err)
		}
		if obu.Type == media.OBUSequenceHeader {
			config = media.AV1Config(obu)
		}
		if obu.Type != delimiter {
			unit = obu.Append(unit)
		}
	}
	return config, unit
}

// probed is what ffprobe decodes of a file: how many frames of each codec, and when the first is.
func probed(t *testing.T, file []byte) (count map[string]int, begins []float64) {
	t.Helper()
	cmd := exec.Command("ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=codec_name,nb_read_frames,start_time", "-of", "json", "-")
	cmd.Stdin = bytes.NewReader(file)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil || complaints.Len() > 0 {
		t.Fatalf("ffprobe: %v: %s", err, complaints.String())
	}
	var found struct {
		Streams []struct {
			Codec  string `json:"codec_name"`
			Frames string `json:"nb_read_frames"`
			Start  string `json:"start_time"`
		}
	}
	if err := json.Unmarshal(out, &found); err != nil {
		t.Fatal(err)
	}
	count = make(map[string]int)
	for _, s := range found.Streams {
		count[s.Codec], _ = strconv.Atoi(s.Frames)
		at, _ := strconv.ParseFloat(s.Start, 64)
		begins = append(begins, at)
	}
	return count, begins
}

// A player of each kind decodes every frame of every codec, and the tracks begin together.
func TestDecode(t *testing.T) {
	for _, test := range []struct {
		file         string
		mp4          bool
		video, audio string
	}{
		{"h265-aac.ts", true, "hevc", "aac"}, {"h265-aac.ts", false, "hevc", "aac"}, {"h264-opus.ts", true, "h264", "opus"},
		{"av1.ivf", true, "av1", ""}, {"vp9.ivf", true, "vp9", ""},
	} {
		o := testOptions(test.mp4)
		o.Fragment, o.DASH = 500*time.Millisecond, test.mp4
		m := New(o, 0)
		frames := recorded(t, test.file)
		var formats [media.Kinds]*media.FrameFormat
		sounds := 0
		for _, f := range frames {
			formats[f.Kind()] = f.Format
			if f.Kind() == media.Audio {
				sounds++
			}
		}
		m.Expect(formats)
		begun := false
		for _, f := range frames {
			item := media.FrameItem{Frame: f}
			if !begun {
				item.Break, item.From, begun = media.Restarted, f.DTS, true
			}
			if err := m.Push(item); err != nil {
				t.Fatal(err)
			}
		}
		m.End()
		if len(m.list) < 1 {
			t.Errorf("%s: %d segments", test.file, len(m.list))
		}
		count, begins := probed(t, played(t, m, kindAll))
		if count[test.video] != 10 || test.audio != "" && count[test.audio] < sounds-1 || len(begins) == 2 && max(begins[0]-begins[1], begins[1]-begins[0]) > 0.3 {
			t.Errorf("%s, mp4 %v: %v, begin at %v, of %d sounds", test.file, test.mp4, count, begins, sounds)
		}
		if !test.mp4 {
			continue
		}
		if count, _ := probed(t, played(t, m, media.Video)); count[test.video] != 10 || len(count) != 1 {
			t.Errorf("%s by DASH: %v", test.file, count)
		}
	}
}

// played is what a player gets of a muxer: of all tracks by HLS, of one by DASH.
func played(t *testing.T, m *Muxer, kind media.Kind) (file []byte) {
	t.Helper()
	take := func(name string) {
		f, ok := m.Find(name)
		if !ok {
			t.Fatalf("%s is not there", name)
		}
		file = append(file, slices.Concat(f.Pieces...)...)
	}
	for i, s := range m.list {
		if i == 0 && m.opts.MP4 {
			take(s.run.inits[kind].name)
		}
		if kind == kindAll {
			take(s.name)
		} else {
			begin, _ := s.span(s.run.tracks[kind])
			take(m.opts.Names.dashSegment(s.run, kind, strconv.FormatInt(begin, 10)))
		}
	}
	return file
}
