package e2e

import (
	"encoding/binary"
	"math"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/thesyncim/gopus"
)

// leftTone and rightTone are heard on a channel each, as loud as toneLevel.
const (
	leftTone, rightTone = 500.0, 1500.0
	toneLevel           = 0.5
	stereoTones         = "aevalsrc='0.5*sin(2*PI*500*t)|0.5*sin(2*PI*1500*t)':c=stereo:s="
	monoTone            = "aevalsrc='0.5*sin(2*PI*500*t)':c=mono:s="
)

// What an encoder sends on each channel a viewer by WebRTC hears on that one, as loud as it was; what has one channel, on both.
func TestChannelsOfRTMP(t *testing.T) {
	t.Parallel()
	s, dir := start(t, "SRS_VHOST_PLAY_MAX_LAG=10000", "SRS_VHOST_PLAY_RING_MAX_AGE=30000"), t.TempDir() // nothing is skipped
	for _, tc := range []struct{ name, tones, rate string }{
		{"stereo", stereoTones, "48000"}, {"stereo44k", stereoTones, "44100"}, {"mono", monoTone, "48000"}, {"mono44k", monoTone, "44100"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(dir, tc.name+".flv")
			ffmpeg(t, "-v", "error", "-f", "lavfi", "-i", tc.tones+tc.rate, "-t", "3", "-c:a", "aac", "-b:a", "192k", file)
			viewer := playPion(t, s, tc.name, pionOptions{network: "tcp", codecs: []*codec{opus()}})
			ffmpeg(t, "-v", "error", "-re", "-i", file, "-c", "copy", "-f", "flv", "rtmp://"+s.addr+"/live/"+tc.name)
			eventually(t, joinLimit, "all has come", func() bool { return viewer.span(webrtc.RTPCodecTypeAudio, 48000) >= 2500*time.Millisecond })
			checkChannels(t, "WebRTC", viewer.heard(t), tc.tones == monoTone)
		})
	}
}

// What a browser sends on each channel a viewer of every other protocol hears on that one, as loud as it was.
func TestChannelsOfWebRTC(t *testing.T) {
	t.Parallel()
	s, ogg, c := start(t), filepath.Join(t.TempDir(), "x.ogg"), newClip(t, 8*time.Second, smallSize)
	ffmpeg(t, "-v", "error", "-f", "lavfi", "-i", stereoTones+"48000", "-t", "8.1", "-c:a", "libopus", "-b:a", "128k", "-page_duration", "20000", ogg)
	c.sounds = opusPackets(t, ogg)
	recordings := s.record(t, "x", "flv", "ts", "rtmp", "hls")
	perform(t, s, "x", c, performance{network: "tcp"})
	for _, file := range recordings() {
		out, err := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-i", file, "-vn", "-f", "f32le", "-").Output()
		must(t, err)
		var samples [][2]float64
		for ; len(out) >= 8; out = out[8:] {
			sample := func(b []byte) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))) }
			samples = append(samples, [2]float64{sample(out), sample(out[4:])})
		}
		checkChannels(t, filepath.Base(file), samples, false)
	}
}

// heard is what a viewer by WebRTC has heard, decoded.
func (p *pion) heard(t testing.TB) (samples [][2]float64) {
	t.Helper()
	decoder, err := gopus.NewDecoder(gopus.DefaultDecoderConfig(48000, 2))
	must(t, err)
	pcm := make([]float32, 2*5760)
	for _, packet := range p.packets(webrtc.RTPCodecTypeAudio) {
		n, err := decoder.Decode(packet.Payload, pcm)
		must(t, err)
		for i := range n {
			samples = append(samples, [2]float64{float64(pcm[2*i]), float64(pcm[2*i+1])})
		}
	}
	return samples
}

// checkChannels looks at the second second of some sound: each tone is on its own channel alone, and as loud as sent.
func checkChannels(t testing.TB, who string, samples [][2]float64, mono bool) {
	t.Helper()
	const second = 48000
	if len(samples) < 2*second {
		t.Fatalf("%s: %d samples", who, len(samples))
	}
	samples = samples[second : 2*second]
	tones := [2]float64{leftTone, rightTone}
	if mono {
		tones[1] = leftTone
	}
	for channel, own := range tones {
		other := leftTone + rightTone - own
		level, leak, all := amplitude(samples, channel, own), amplitude(samples, channel, other), loudness(samples, channel)
		t.Logf("%s, channel %d: the tone of %.0f Hz has %.3f, the other %.4f, all %.3f", who, channel, own, level, leak, all)
		if decibel(level/toneLevel) > 1 || decibel(all/toneLevel) > 1 {
			t.Errorf("%s, channel %d: the tone of %.0f Hz is %.3f loud, and all together %.3f, not %.1f", who, channel, own, level, all, toneLevel)
		}
		if leak > toneLevel/30 {
			t.Errorf("%s, channel %d: the tone of %.0f Hz is %.3f loud, and belongs to the other channel", who, channel, other, leak)
		}
	}
}

// decibel is how far a ratio is from 1.
func decibel(ratio float64) float64 { return math.Abs(20 * math.Log10(ratio)) }

// amplitude is that of a tone on a channel, over a whole second.
func amplitude(samples [][2]float64, channel int, frequency float64) float64 {
	var re, im float64
	for i, s := range samples {
		sin, cos := math.Sincos(2 * math.Pi * frequency * float64(i) / float64(len(samples)))
		re, im = re+s[channel]*cos, im+s[channel]*sin
	}
	return 2 * math.Hypot(re, im) / float64(len(samples))
}

// loudness is the amplitude of the one tone that would be as loud as all that is on a channel.
func loudness(samples [][2]float64, channel int) float64 {
	var sum float64
	for _, s := range samples {
		sum += s[channel] * s[channel]
	}
	return math.Sqrt(2 * sum / float64(len(samples)))
}
