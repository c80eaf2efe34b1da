package e2e

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"github.com/thesyncim/gopus"

	"oneport/media"
)

// A showing is what a viewer saw and heard of a clip, all on one clock of the viewer's.
type showing struct {
	pictures []time.Duration // in the order in which they are shown
	sounds   []time.Duration
	flashes  []time.Duration // the keyframes
	beeps    []time.Duration // their beginnings
}

// watched measures a recording.
func watched(t testing.TB, file string) (s showing) {
	t.Helper()
	for line := range strings.Lines(run(t, "ffprobe", "-v", "error", "-show_entries", "packet=codec_type,pts_time,flags", "-of", "csv=p=0", file)) {
		fields := strings.Split(strings.TrimSpace(line), ",")
		if len(fields) < 3 {
			continue
		}
		at := seconds(t, fields[1])
		if fields[0] == "audio" {
			s.sounds = append(s.sounds, at)
			continue
		}
		s.pictures = append(s.pictures, at)
		if strings.HasPrefix(fields[2], "K") {
			s.flashes = append(s.flashes, at)
		}
	}
	said := ffmpeg(t, "-copyts", "-i", file, "-vn", "-af", "silencedetect=n=-20dB:d=0.4", "-f", "null", "-")
	for _, m := range regexp.MustCompile(`silence_end: ([\d.]+)`).FindAllStringSubmatch(said, -1) {
		s.beeps = append(s.beeps, seconds(t, m[1]))
	}
	return s
}

func seconds(t testing.TB, text string) time.Duration {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	must(t, err)
	return time.Duration(math.Round(v * float64(time.Second)))
}

// checkDecodes has ffmpeg decode a recording, which it must do without a complaint.
func checkDecodes(t testing.TB, file string) {
	t.Helper()
	if said := ffmpeg(t, "-v", "error", "-i", file, "-enc_time_base", "1:1000", "-f", "null", "-"); strings.TrimSpace(said) != "" {
		t.Errorf("ffmpeg has to say of %s:\n%s", file, said)
	}
}

const farthestApart = 40 * time.Millisecond

// checkTogether demands a beep at each flash but the first and, where the recording may end between the two, the last.
// Sound begins with the picture.
func (s *showing) checkTogether(t testing.TB, who string, least int) (apart []time.Duration) {
	t.Helper()
	if len(s.flashes) < least || len(s.sounds) == 0 {
		t.Fatalf("%s: %d flashes, %d sounds", who, len(s.flashes), len(s.sounds))
	}
	if late := s.sounds[0] - s.flashes[0]; late > 3*soundStep {
		t.Errorf("%s: sound begins %v after the picture", who, late)
	}
	for i, flash := range s.flashes[1:] {
		beep, ok := nearest(s.beeps, flash)
		switch {
		case !ok && i == len(s.flashes)-2:
		case !ok:
			t.Errorf("%s: there is no beep at the flash at %v", who, flash)
		case (beep - flash).Abs() > farthestApart:
			t.Errorf("%s: the beep is %v after the flash at %v", who, beep-flash, flash)
		}
		if ok {
			apart = append(apart, beep-flash)
		}
	}
	t.Logf("%s: beeps after flashes: %v", who, apart)
	return apart
}

// nearest finds the time within half a second of another that is closest to it.
func nearest(times []time.Duration, to time.Duration) (at time.Duration, ok bool) {
	for _, v := range times {
		if d := (v - to).Abs(); d < 500*time.Millisecond && (!ok || d < (at-to).Abs()) {
			at, ok = v, true
		}
	}
	return at, ok
}

// checkSteady demands that frames follow each other as the clip has them, but for the rounding of milliseconds and a
// correction of one.
func (s *showing) checkSteady(t testing.TB, who string) {
	t.Helper()
	checkSteps(t, who+", picture", s.pictures, pictureStep)
	s.checkSound(t, who)
}

func (s *showing) checkSound(t testing.TB, who string) {
	t.Helper()
	checkSteps(t, who+", sound", s.sounds, 1024*time.Second/48000)
}

func checkSteps(t testing.TB, what string, times []time.Duration, step time.Duration) {
	t.Helper()
	const most = 2500 * time.Microsecond
	for i := 1; i < len(times); i++ {
		if off := times[i] - times[i-1] - step; off.Abs() > most {
			t.Errorf("%s %d, at %v, is %v off", what, i, times[i], off)
		}
	}
}

// witnessed measures what a viewer by WebRTC got, with each track's time told by the server's sender reports.
func (p *pion) witnessed(t testing.TB) (s showing) {
	t.Helper()
	sound, picture := p.mapped(t, webrtc.RTPCodecTypeAudio, 48000), p.mapped(t, webrtc.RTPCodecTypeVideo, 90000)
	coding := p.pictures()
	for _, f := range picture {
		if len(s.pictures) == 0 || s.pictures[len(s.pictures)-1] != f.at {
			s.pictures = append(s.pictures, f.at)
		}
		if _, key := media.Inspect(coding, f.Payload); key && (len(s.flashes) == 0 || s.flashes[len(s.flashes)-1] != f.at) {
			s.flashes = append(s.flashes, f.at)
		}
	}
	decoder, err := gopus.NewDecoder(gopus.DefaultDecoderConfig(48000, 2))
	must(t, err)
	pcm := make([]float32, 2*5760)
	quiet := 0
	for _, f := range sound {
		s.sounds = append(s.sounds, f.at)
		n, err := decoder.Decode(f.Payload, pcm)
		must(t, err)
		for i := range n {
			if quiet++; pcm[2*i] < 0.1 && pcm[2*i] > -0.1 {
				continue
			}
			if quiet > 48000*4/10 {
				s.beeps = append(s.beeps, f.at+time.Duration(i)*time.Second/48000)
			}
			quiet = 0
		}
	}
	return s
}

// pictures is how the pictures are coded that the client takes.
func (p *pion) pictures() (c media.Codec) {
	for _, taken := range p.codecs {
		for _, c := range []media.Codec{media.H264, media.H265, media.AV1} {
			if strings.EqualFold(taken.params.MimeType, "video/"+c.String()) {
				return c
			}
		}
	}
	return c
}

// span is how much of a track has come, in time.
func (p *pion) span(kind webrtc.RTPCodecType, rate uint32) time.Duration {
	packets := p.packets(kind)
	if len(packets) == 0 {
		return 0
	}
	return time.Duration(packets[len(packets)-1].Timestamp-packets[0].Timestamp) * time.Second / time.Duration(rate)
}

// dated is a packet and when it is meant to be shown.
type dated struct {
	*rtp.Packet
	at time.Duration
}

// mapped tells the time of each packet of a track by the sender report that is nearest to it.
func (p *pion) mapped(t testing.TB, kind webrtc.RTPCodecType, rate int64) (all []dated) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	reports := p.reports[kind]
	if len(reports) == 0 {
		t.Fatalf("no sender report of %v has come", kind)
	}
	for _, packet := range p.received[kind] {
		at := wallClock(closest(reports, packet.Timestamp), packet.Timestamp, rate)
		all = append(all, dated{packet, time.Duration(at.UnixNano())})
	}
	return all
}

func closest(reports []*rtcp.SenderReport, ts uint32) (best *rtcp.SenderReport) {
	for _, sr := range reports {
		if best == nil || away(sr, ts) < away(best, ts) {
			best = sr
		}
	}
	return best
}

func away(sr *rtcp.SenderReport, ts uint32) int32 {
	d := int32(ts - sr.RTPTime)
	return max(d, -d)
}
