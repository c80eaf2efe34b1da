package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4/pkg/media/oggreader"

	"oneport/media"
)

// A clip is a film with a white flash and a beep at the same instant, once a second, from the beginning. Each flash is a
// keyframe and nothing else is, so that it can be seen without decoding.
type clip struct {
	pictures [][]byte // of H264, in the form of a byte stream, one each pictureStep
	sounds   [][]byte // packets of Opus, one each soundStep
}

const (
	pictureStep = 40 * time.Millisecond
	soundStep   = 20 * time.Millisecond
	flashes     = "testsrc2=s=%s:r=25,drawbox=c=white:t=fill:enable='lt(mod(t,1),0.1)'"
	beeps       = "aevalsrc='0.5*sin(2*PI*1000*t)*lt(mod(t,1),0.1)':s="
)

// film has ffmpeg make so much of it into a file, with pictures of that size and sound of that rate.
func film(t testing.TB, file string, long time.Duration, size, rate string, coding ...string) {
	t.Helper()
	seconds := strconv.FormatFloat(long.Seconds(), 'f', -1, 64)
	args := []string{
		"-v", "error", "-t", seconds, "-f", "lavfi", "-i", fmt.Sprintf(flashes, size), "-t", seconds, "-f", "lavfi", "-i", beeps + rate,
		"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-b:v", "600k", "-g", "9999", "-sc_threshold", "0",
		"-force_key_frames", "expr:gte(t,n_forced)",
	}
	ffmpeg(t, append(append(args, coding...), file)...)
}

// ffmpeg runs it to its end, and returns what it says.
func ffmpeg(t testing.TB, args ...string) string {
	t.Helper()
	return run(t, "ffmpeg", append([]string{"-nostdin", "-hide_banner", "-y"}, args...)...)
}

// run runs a program to its end, and returns what it says on either way.
func run(t testing.TB, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// newClip makes a clip for a browser's publisher.
func newClip(t testing.TB, long time.Duration, size string) *clip {
	t.Helper()
	dir := t.TempDir()
	raw, ogg := filepath.Join(dir, "x.h264"), filepath.Join(dir, "x.ogg")
	film(t, raw, long, size, "48000", "-profile:v", "baseline", "-bf", "0", "-bsf:v", "h264_metadata=aud=insert", "-an")
	film(t, ogg, long, size, "48000", "-vn", "-c:a", "libopus", "-ac", "2", "-page_duration", "20000")
	b, err := os.ReadFile(raw)
	must(t, err)
	c := &clip{pictures: accessUnits(b), sounds: opusPackets(t, ogg)}
	if len(c.pictures) != int(long/pictureStep) || len(c.sounds) < int(long/soundStep) {
		t.Fatalf("the clip has %d pictures and %d sounds", len(c.pictures), len(c.sounds))
	}
	return c
}

// accessUnits cuts a byte stream at its delimiters, which are left out.
func accessUnits(b []byte) (units [][]byte) {
	const delimiter = 9
	for nal := range media.AnnexB(b) {
		if media.NALType(media.H264, nal) == delimiter {
			units = append(units, nil)
			continue
		}
		last := &units[len(units)-1]
		*last = append(append(*last, 0, 0, 0, 1), nal...)
	}
	return units
}

// opusPackets reads a file that has a packet a page.
func opusPackets(t testing.TB, file string) (packets [][]byte) {
	t.Helper()
	b, err := os.ReadFile(file)
	must(t, err)
	r, _, err := oggreader.NewWith(bytes.NewReader(b))
	must(t, err)
	for {
		page, _, err := r.ParseNextPage()
		if errors.Is(err, io.EOF) {
			return packets
		}
		must(t, err)
		if !bytes.HasPrefix(page, []byte("OpusTags")) {
			packets = append(packets, page)
		}
	}
}
