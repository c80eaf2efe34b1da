// Package bench is a load generator for WHIP and WHEP servers, ours and others'.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"time"
)

// Options say what to measure: WHIP, one of WHEP, FLV and HLS, or both. In each URL, {stream} stands for the number of the
// stream, from 1; see streamURL.
type Options struct {
	WHIP string // URL to publish synthetic streams to; "": somebody else publishes
	WHEP string // URL to play from by WebRTC
	FLV  string // URL to play from by HTTP-FLV
	HLS  string // URL of a playlist to play from

	Streams  int           // default 1
	N        int           // viewers of each
	Net      string        // "tcp" (default) or "udp"
	PubNet   string        // what the publisher sends by; "": Net
	Duration time.Duration // of the measurement, after all have joined; default 10 s
	KBPS     int           // of video; default 2500
	FPS      int           // default 25
	Pace     time.Duration // see SourceOptions
	Uneven   bool          // see SourceOptions
	Ramp     int           // joins started per second; default 200
	Verify   int           // 1 of so many viewers decrypts and checks; default 20, negative: none
	SRTP     string        // the only profile to offer, "gcm" or "cm80"; "": both
	GRO      bool          // see ClientOptions
	Bearer   string        // token
	PID      int           // of the server, whose CPU and memory are read from /proc; 0: not measured

	JSON     bool      // print the result as JSON
	Report   string    // file to write a report in HTML to; "": none
	Progress io.Writer // one line a second; nil: none
}

func (o Options) withDefaults() Options {
	if o.Net == "" {
		o.Net = "tcp"
	}
	if o.PubNet == "" {
		o.PubNet = o.Net
	}
	if o.Streams == 0 {
		o.Streams = 1
	}
	if o.Duration <= 0 {
		o.Duration = 10 * time.Second
	}
	if o.Ramp <= 0 {
		o.Ramp = 200
	}
	if o.Verify == 0 {
		o.Verify = 20
	}
	if o.plays() == 0 {
		o.N = 0
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	return o
}

// plays is how many URLs there are to play from.
func (o Options) plays() int {
	n := 0
	for _, to := range []string{o.WHEP, o.FLV, o.HLS} {
		if to != "" {
			n++
		}
	}
	return n
}

func (o Options) check() error {
	switch {
	case o.WHIP == "" && o.plays() == 0:
		return errors.New("nothing to do: give -whip URL to publish, one of -whep, -flv and -hls to play, or both; or -floor")
	case o.plays() > 1:
		return errors.New("one of -whep, -flv and -hls at a time: give each a run of its own, so that their costs can be told apart")
	case o.Net != "tcp" && o.Net != "udp":
		return fmt.Errorf("-net: %q is neither tcp nor udp", o.Net)
	case o.PubNet != "tcp" && o.PubNet != "udp":
		return fmt.Errorf("-pubnet: %q is neither tcp nor udp", o.PubNet)
	case o.SRTP != "" && o.SRTP != "gcm" && o.SRTP != "cm80":
		return fmt.Errorf("-srtp: %q is neither gcm nor cm80", o.SRTP)
	case o.N < 0 || o.plays() > 0 && o.N == 0:
		return fmt.Errorf("-n: %d viewers can't be measured, give 1 or more", o.N)
	case o.Streams < 1:
		return fmt.Errorf("-streams: %d is not a number of streams, give 1 or more", o.Streams)
	}
	for _, u := range []struct{ flag, url string }{{"-whip", o.WHIP}, {"-whep", o.WHEP}, {"-flv", o.FLV}, {"-hls", o.HLS}} {
		if u.url == "" {
			continue
		}
		if err := checkURL(u.flag, u.url, o.Streams); err != nil {
			return err
		}
	}
	return nil
}

// Run publishes, joins the viewers, measures, ends all sessions, and prints the result. When ctx ends early, what was
// measured until then is the result. An error means that there is nothing to show, or no place to show it.
func Run(ctx context.Context, o Options, stdout io.Writer) (Result, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return Result{}, fmt.Errorf("bench: %w", err)
	}
	l, err := newLoad(o)
	if err != nil {
		return Result{}, fmt.Errorf("bench: %w", err)
	}
	defer l.close()
	for _, to := range []string{o.WHIP, o.WHEP, o.FLV, o.HLS} {
		if to != "" {
			awaitServer(ctx, streamURL(to, 0, o.Streams))
		}
	}
	if err := l.publish(ctx); err != nil {
		return Result{}, fmt.Errorf("bench: publish: %w", err)
	}
	stop := l.watch()
	l.join(ctx)
	var r Result
	if l.wanted() == 0 || l.joined() > 0 {
		r = l.measure(ctx)
	}
	stop()
	if l.wanted() > 0 && l.joined() == 0 {
		return r, fmt.Errorf("bench: no viewer joined: %s", commonest(l.failed))
	}
	r.Series = l.series
	if o.Report != "" {
		if err := r.report(o.Report); err != nil {
			return r, fmt.Errorf("bench: -report: %w", err)
		}
	}
	return r, r.print(stdout, o.JSON)
}

// reason says why something failed, without the ports that would make every failure a kind of its own.
func reason(err error) string {
	var posted *url.Error
	var op *net.OpError
	switch {
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.Is(err, context.DeadlineExceeded):
		return "timed out"
	case errors.As(err, &op):
		return op.Op + " " + op.Net + ": " + op.Err.Error()
	case errors.As(err, &posted):
		return "post: " + posted.Err.Error()
	}
	return err.Error()
}

// commonest returns the reason that was counted most.
func commonest(reasons map[string]int) string {
	most, text := 0, "interrupted"
	for r, n := range reasons {
		if n > most || n == most && r < text {
			most, text = n, r
		}
	}
	return text
}
