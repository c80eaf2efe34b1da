package bench

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// result makes up a result with a series of so many samples.
func result(samples int) Result {
	r := Result{Protocol: "whep", Unit: "packet", Net: "tcp", SRTP: "AEAD_AES_128_GCM", Streams: 1, Viewers: 3, Joined: 2,
		Failed: map[string]int{"<script>alert(1)</script>": 1}, Checked: 9, Latency: Quantiles{1, 2, 3, 4}, Server: &ServerCost{USPerPacket: 1.5}}
	for i := range samples {
		r.Series = append(r.Series, Sample{At: float64(i + 1), Measuring: i > 1, P50: 1, P99: float64(i), Server: 50, Own: 20, Mbps: 100 * float64(i)})
	}
	return r
}

func TestReport(t *testing.T) {
	outside := regexp.MustCompile(`(?i)(src|href|url\()\s*=?|https?:|@import`)
	for _, samples := range []int{0, 1, 2, 3, 100, 4000} {
		file := filepath.Join(t.TempDir(), "report.html")
		r := result(samples)
		if err := r.report(file); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		page := string(b)
		if found := outside.FindString(page); found != "" {
			t.Errorf("the page refers to something outside: %q", found)
		}
		for _, want := range []string{"2 viewers by tcp, AEAD_AES_128_GCM", "1.50 us/packet", "p99", "&lt;script&gt;", "prefers-color-scheme: dark", "</html>"} {
			if !strings.Contains(page, want) {
				t.Errorf("%d samples: no %q", samples, want)
			}
		}
		if strings.Contains(page, "NaN") || strings.Contains(page, "Inf") || strings.Contains(page, "<script") {
			t.Errorf("%d samples: a number that is none, or a script", samples)
		}
		if n := strings.Count(page, "<svg"); n != 3 {
			t.Errorf("%d samples: %d plots, want 3", samples, n)
		}
		wellFormed(t, page)
	}
}

// wellFormed reads the drawings as the XML that they are.
func wellFormed(t *testing.T, page string) {
	for {
		_, after, ok := strings.Cut(page, "<svg")
		if !ok {
			return
		}
		svg, rest, ok := strings.Cut(after, "</svg>")
		if !ok {
			t.Fatal("a drawing does not end")
		}
		d := xml.NewDecoder(strings.NewReader("<svg" + svg + "</svg>"))
		for {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		page = rest
	}
}

// Every point lies within the frame of its plot, and the scale goes from 0 to above the highest.
func TestChart(t *testing.T) {
	for _, top := range []float64{0, 0.0004, 0.9, 1, 7.3, 99, 100, 101, 123456} {
		var points []point
		for i := range 10 {
			points = append(points, point{float64(i + 1), []float64{top * float64(i) / 9}})
		}
		c := newChart("t", "u", "n", []string{"one"}, points, 4)
		for _, pair := range strings.Fields(c.Lines[0].Points) {
			var x, y float64
			if _, err := fmt.Sscanf(pair, "%f,%f", &x, &y); err != nil {
				t.Fatal(err)
			}
			if x < c.Left || x > c.Right || y < c.Top || y > c.Bottom {
				t.Errorf("up to %v: %v,%v is outside", top, x, y)
			}
		}
		if len(c.Y) < 2 || len(c.Y) > 7 || c.Y[0].Text != "0" || c.Y[0].At != c.Bottom {
			t.Errorf("up to %v: scale %v", top, c.Y)
		}
		if len(c.X) < 2 || len(c.X) > 12 || c.Measured <= c.Left || len(c.Hovers) != 10 {
			t.Errorf("up to %v: %v, measured from %v, %d strips", top, c.X, c.Measured, len(c.Hovers))
		}
	}
	if c := newChart("t", "u", "n", []string{"one"}, nil, math.NaN()); c.Measured >= 0 || c.Lines[0].Points != "" {
		t.Errorf("of nothing: %+v", c)
	}
}

func TestReportNowhere(t *testing.T) {
	s := flvServer(t)
	var out, stderr strings.Builder
	code := Main([]string{"-flv", s.URL + "/a.flv", "-d", "50ms", "-report", filepath.Join(t.TempDir(), "no", "dir.html")}, &out, &stderr)
	if code != 1 || !strings.Contains(stderr.String(), "-report: open ") {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
}

// Samples of the seconds around the beginning of the measurement count on.
func TestSamples(t *testing.T) {
	v := &hlsViewer{pull: new(pull)}
	l := &load{opt: Options{N: 1, Streams: 1}, way: Options{HLS: "x"}.way(), viewers: []player{v}, ended: make(chan error)}
	read := func() reading { r := l.read(); r.at = r.at.Add(time.Second); return r }
	first := l.read()
	v.count(1000, 0, time.Now())
	second := l.read()
	second.at = first.at.Add(time.Second)
	if s := l.sample(first, second); s.Packets != 1 || s.Mbps != 0.008 || s.Measuring || s.P99 != 0 {
		t.Errorf("before: %+v", s)
	}
	l.opt.Duration, l.opt.Progress = time.Nanosecond, io.Discard
	if r := l.measure(t.Context()); r.Packets != 0 {
		t.Errorf("%d packets measured", r.Packets)
	}
	v.count(1000, 0, time.Now())
	v.stats.latency.add(3 * time.Millisecond)
	third := l.read()
	third.at = second.at.Add(time.Second)
	if s := l.sample(second, third); s.Packets != 1 || s.Mbps != 0.008 || s.P50 != 3 || s.Measuring {
		t.Errorf("around: %+v", s)
	}
	if s := l.sample(third, read()); !s.Measuring || s.Packets != 0 || s.P50 != 0 {
		t.Errorf("after: %+v", s)
	}
}
