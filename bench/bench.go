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

// Options say what to measure. WHIP, WHEP or both must be given.
type Options struct {
	WHIP string // URL to publish a synthetic stream to; "": somebody else publishes
	WHEP string // URL to play from; "": only publish
	N    int    // viewers

	Net      string        // "tcp" (default) or "udp"
	Duration time.Duration // of the measurement, after all have joined; default 10 s
	KBPS     int           // of video; default 2500
	FPS      int           // default 25
	Ramp     int           // joins started per second; default 200
	Verify   int           // 1 of so many viewers decrypts and checks; default 20, negative: none
	Bearer   string        // token
	PID      int           // of the server, whose CPU and memory are read from /proc; 0: not measured
	JSON     bool          // print the result as JSON

	Progress io.Writer // one line a second; nil: none
}

func (o Options) withDefaults() Options {
	if o.Net == "" {
		o.Net = "tcp"
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
	if o.WHEP == "" {
		o.N = 0
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	return o
}

func (o Options) check() error {
	switch {
	case o.WHIP == "" && o.WHEP == "":
		return errors.New("nothing to do: give -whip URL to publish, -whep URL to play, or both")
	case o.Net != "tcp" && o.Net != "udp":
		return fmt.Errorf("-net: %q is neither tcp nor udp", o.Net)
	case o.N < 0 || o.WHEP != "" && o.N == 0:
		return fmt.Errorf("-n: %d viewers can't be measured, give 1 or more", o.N)
	}
	if o.WHIP != "" {
		if err := checkURL("-whip", o.WHIP); err != nil {
			return err
		}
	}
	if o.WHEP != "" {
		return checkURL("-whep", o.WHEP)
	}
	return nil
}

// Run publishes, joins the viewers, measures, ends all sessions, and prints the result. When ctx ends early, what was
// measured until then is the result. An error means that there is nothing to show.
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
	if err := l.publish(ctx); err != nil {
		return Result{}, fmt.Errorf("bench: publish: %w", err)
	}
	stop := l.progress()
	l.join(ctx)
	var r Result
	if l.opt.N == 0 || l.joined() > 0 {
		r = l.measure(ctx)
	}
	stop()
	if l.opt.N > 0 && l.joined() == 0 {
		return r, fmt.Errorf("bench: no viewer joined: %s", commonest(l.failed))
	}
	return r, r.print(stdout, l.opt.JSON)
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
