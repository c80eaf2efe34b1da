package bench

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"math"
	"os"
	"strings"
)

//go:embed report.html
var reportPage string

// report writes the result as a page that needs nothing but itself.
func (r *Result) report(file string) error {
	page, err := template.New("report").Parse(reportPage)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := page.Execute(&b, r.page()); err != nil {
		return err
	}
	return os.WriteFile(file, b.Bytes(), 0o644)
}

// page is what the template shows.
type page struct {
	Title   string
	Figures []figure
	Charts  []*chart
	Rows    []row
}

// figure is a number to be seen at a glance.
type figure struct{ Name, Value, Unit string }

func (r *Result) page() page {
	viewers := "viewers"
	if r.Joined == 1 {
		viewers = "viewer"
	}
	p := page{Title: fmt.Sprintf("%d %s by %s%s", r.Joined, viewers, r.transport(), r.ofStreams()), Rows: r.rows(), Charts: r.charts()}
	add := func(name, unit, format string, value float64) {
		p.Figures = append(p.Figures, figure{name, fmt.Sprintf(format, value), unit})
	}
	add("received", "Mbit/s", "%.0f", r.Mbps)
	add("join p50", "ms", "%.1f", r.Join.P50)
	if r.Latency.Max > 0 {
		add("latency p99", "ms", "%.1f", r.Latency.P99)
	}
	add("longest stall", "ms", "%.0f", r.LongestStall)
	if s := r.Server; s != nil {
		add("CPU a "+r.Unit, "µs", "%.2f", s.USPerPacket)
		add("memory a viewer", "KB", "%.0f", s.KBPerViewer)
	}
	return p
}

// charts plots the series.
func (r *Result) charts() []*chart {
	var latency, server, own, traffic []point
	measured := math.NaN()
	for _, s := range r.Series {
		if s.Measuring && math.IsNaN(measured) {
			measured = s.At
		}
		if s.Measuring { // before, viewers are given pictures that are old already
			latency = append(latency, point{s.At, []float64{s.P50, s.P99}})
		}
		server = append(server, point{s.At, []float64{s.Server, s.Own}})
		own = append(own, point{s.At, []float64{s.Own}})
		traffic = append(traffic, point{s.At, []float64{s.Mbps}})
	}
	var charts []*chart
	if r.Latency.Max > 0 {
		charts = append(charts, newChart("Latency", "ms", "from the publisher's write to the arrival, each second", []string{"p50", "p99"}, latency, measured))
	}
	if r.Server != nil {
		charts = append(charts, newChart("CPU", "%", "of one processor", []string{"server", "load generator"}, server, measured))
	} else {
		charts = append(charts, newChart("CPU", "%", "of one processor", []string{"load generator"}, own, measured))
	}
	return append(charts, newChart("Received", "Mbit/s", "by all viewers", []string{"all viewers"}, traffic, measured))
}

// chart is a plot of some lines over time.
type chart struct {
	Title, Unit, Note string
	Lines             []line
	X, Y              []tick
	Hovers            []hover
	Measured          float64 // x where the measurement began; negative: not in the picture
	Left, Right, Top  float64
	Bottom, Width     float64
	Height            float64
}

type point struct {
	at     float64
	values []float64
}

type line struct {
	Name, Points string
	Dots         []dot // of a series too short for a line
}

type dot struct{ X, Y float64 }

type tick struct {
	At   float64
	Text string
}

// hover is the strip over a second, which tells its values.
type hover struct {
	X, Width float64
	Text     string
}

const (
	chartWidth, chartHeight = 720.0, 220.0
	chartLeft, chartRight   = 56.0, 708.0
	chartTop, chartBottom   = 14.0, 192.0
)

func newChart(title, unit, note string, names []string, points []point, measured float64) *chart {
	c := &chart{Title: title, Unit: unit, Note: note, Measured: -1, Left: chartLeft, Right: chartRight, Top: chartTop,
		Bottom: chartBottom, Width: chartWidth, Height: chartHeight}
	end, top := 1.0, 0.0
	for _, p := range points {
		end = max(end, p.at)
		for _, v := range p.values {
			top = max(top, v)
		}
	}
	yStep := niceStep(top, 4)
	top = max(math.Ceil(top/yStep), 1) * yStep
	x := func(at float64) float64 { return math.Round((chartLeft+at/end*(chartRight-chartLeft))*10) / 10 }
	y := func(v float64) float64 { return math.Round((chartBottom-v/top*(chartBottom-chartTop))*10) / 10 }
	for v := 0.0; v <= top*1.001; v += yStep {
		c.Y = append(c.Y, tick{y(v), trim(v)})
	}
	for step, at := niceStep(end, 8), 0.0; at <= end; at += step {
		c.X = append(c.X, tick{x(at), trim(at) + " s"})
	}
	for i, name := range names {
		l := line{Name: name}
		var path strings.Builder
		for _, p := range points {
			fmt.Fprintf(&path, "%g,%g ", x(p.at), y(p.values[i]))
			if len(points) <= 2 {
				l.Dots = append(l.Dots, dot{x(p.at), y(p.values[i])})
			}
		}
		l.Points = strings.TrimSpace(path.String())
		c.Lines = append(c.Lines, l)
	}
	if !math.IsNaN(measured) {
		c.Measured = x(max(measured-1, 0))
	}
	c.hovers(names, points, x)
	return c
}

// hovers lays a strip over each sample.
func (c *chart) hovers(names []string, points []point, x func(float64) float64) {
	last := chartLeft
	for _, p := range points {
		text := fmt.Sprintf("%.0f s", p.at)
		for i, name := range names {
			text += fmt.Sprintf("\n%s: %.1f %s", name, p.values[i], c.Unit)
		}
		c.Hovers = append(c.Hovers, hover{last, max(x(p.at)-last, 0), text})
		last = x(p.at)
	}
}

// niceStep divides a range into about n steps of 1, 2 or 5 times a power of ten.
func niceStep(size float64, n int) float64 {
	if size <= 0 {
		return 1
	}
	rough := size / float64(n)
	power := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, nice := range []float64{1, 2, 5} {
		if rough <= nice*power {
			return nice * power
		}
	}
	return 10 * power
}

// trim writes a number without the noise of floating point.
func trim(v float64) string { return fmt.Sprintf("%g", math.Round(v*1000)/1000) }
