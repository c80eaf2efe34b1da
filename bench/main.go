package bench

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const usage = `oneport bench publishes a synthetic H264+Opus stream to a WHIP URL, plays it from a WHEP URL, and prints what arrived.
Any server will do. With -whip alone it only publishes, with -whep alone it plays what somebody else publishes.

  oneport bench -whip 'http://127.0.0.1:8080/rtc/v1/whip/?app=live&stream=bench' \
                -whep 'http://127.0.0.1:8080/rtc/v1/whep/?app=live&stream=bench' -n 100 -d 10s

`

// Main is "oneport bench": it reads the arguments behind the command's name, and returns the exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	o, err := parseFlags(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "bench: %v\n", err)
		return 2
	}
	o.Progress = stderr
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if _, err := Run(ctx, o, stdout); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

func parseFlags(args []string, stderr io.Writer) (Options, error) {
	var o Options
	f := flag.NewFlagSet("oneport bench", flag.ContinueOnError)
	f.SetOutput(io.Discard) // the error is printed once, by Main
	f.StringVar(&o.WHIP, "whip", "", "`URL` to publish to")
	f.StringVar(&o.WHEP, "whep", "", "`URL` to play from by WebRTC")
	f.StringVar(&o.FLV, "flv", "", "`URL` to play from by HTTP-FLV")
	f.StringVar(&o.HLS, "hls", "", "`URL` of an HLS playlist to play")
	f.IntVar(&o.Streams, "streams", 1, "streams, numbered in the URLs: {stream}, or behind the value of stream=")
	f.IntVar(&o.N, "n", 1, "viewers of each stream")
	f.StringVar(&o.Net, "net", "tcp", "tcp or udp")
	f.DurationVar(&o.Duration, "d", 10*time.Second, "time to measure once all have joined")
	f.IntVar(&o.KBPS, "kbps", 2500, "bitrate of the video in kbit/s")
	f.IntVar(&o.FPS, "fps", 25, "frames a second")
	f.DurationVar(&o.Pace, "pace", 0, "spread the packets of a frame over this time; 0: over TCP none, over UDP half a frame")
	f.BoolVar(&o.Uneven, "uneven", false, "publish packets of uneven sizes")
	f.StringVar(&o.SRTP, "srtp", "", "offer this SRTP profile only: gcm or cm80")
	f.BoolVar(&o.GRO, "gro", true, "let the kernel hand over runs of datagrams as one (UDP, Linux)")
	f.IntVar(&o.Ramp, "ramp", 200, "joins started per second")
	f.IntVar(&o.Verify, "verify", 20, "decrypt and check at 1 of so many viewers; 0: at none")
	f.StringVar(&o.Bearer, "token", "", "bearer token")
	f.IntVar(&o.PID, "pid", 0, "process id of the server, to measure its CPU and memory")
	f.BoolVar(&o.JSON, "json", false, "print the result as JSON")
	f.StringVar(&o.Report, "report", "", "write a report in HTML to this `file`")
	err := f.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		f.SetOutput(stderr)
		fmt.Fprint(stderr, usage)
		f.PrintDefaults()
		return o, err
	}
	if err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("%q is not a flag; see oneport bench -h", f.Arg(0))
	}
	if o.Verify == 0 {
		o.Verify = -1
	}
	return o, positive(f, "d", "kbps", "fps", "ramp")
}

// positive refuses what would silently become a default.
func positive(f *flag.FlagSet, names ...string) error {
	for _, name := range names {
		var ok bool
		switch v := f.Lookup(name).Value.(flag.Getter).Get().(type) {
		case int:
			ok = v > 0
		case time.Duration:
			ok = v > 0
		}
		if !ok {
			return fmt.Errorf("-%s: %s is not more than zero", name, f.Lookup(name).Value)
		}
	}
	return nil
}
