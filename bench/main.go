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

const usage = `oneport bench publishes synthetic H264+Opus streams to a WHIP URL, plays them by WebRTC (WHEP), HTTP-FLV or HLS, and prints
what arrived and what it cost. Any server will do. With -whip alone it only publishes; without it, it plays what somebody
else publishes. With -floor it measures the least that such a fan-out costs on this machine, without any server.

  oneport bench -whip 'http://127.0.0.1:8080/rtc/v1/whip/?app=live&stream=bench' \
                -whep 'http://127.0.0.1:8080/rtc/v1/whep/?app=live&stream=bench' -n 100 -d 10s
  oneport bench -floor -n 100 -d 10s

`

// command is what the arguments ask for.
type command struct {
	Options
	floor bool
	audio int
	plain bool
	sink  string // the network of which to be the reading process of a floor
}

// Main is "oneport bench": it reads the arguments behind the command's name, and returns the exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	c, err := parseFlags(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "bench: %v\n", err)
		return 2
	}
	c.Progress = stderr
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch {
	case c.sink != "":
		err = sink(c.sink, c.N, os.Stdin, stdout)
	case c.floor && (c.WHIP != "" || c.plays() > 0):
		err = errors.New("bench: -floor needs no server: run it beside the load, before and after, without URLs")
	case c.floor:
		_, err = Floor(ctx, FloorOptions{c.Net, c.N, c.Duration, c.KBPS, c.FPS, c.audio, c.plain, c.JSON}, stdout)
	default:
		_, err = Run(ctx, c.Options, stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

func (c *command) flags() *flag.FlagSet {
	f := flag.NewFlagSet("oneport bench", flag.ContinueOnError)
	f.SetOutput(io.Discard) // the error is printed once, by Main
	f.StringVar(&c.WHIP, "whip", "", "`URL` to publish to")
	f.StringVar(&c.WHEP, "whep", "", "`URL` to play from by WebRTC")
	f.StringVar(&c.FLV, "flv", "", "`URL` to play from by HTTP-FLV")
	f.StringVar(&c.HLS, "hls", "", "`URL` of an HLS playlist to play")
	f.IntVar(&c.Streams, "streams", 1, "streams, numbered in the URLs: {stream}, or behind the value of stream=")
	f.IntVar(&c.N, "n", 1, "viewers of each stream")
	f.StringVar(&c.Net, "net", "tcp", "tcp or udp")
	f.StringVar(&c.PubNet, "pubnet", "", "what the publisher sends by, tcp or udp, if not by -net")
	f.DurationVar(&c.Duration, "d", 10*time.Second, "time to measure once all have joined")
	f.IntVar(&c.KBPS, "kbps", 2500, "bitrate of the video in kbit/s")
	f.IntVar(&c.FPS, "fps", 25, "frames a second")
	f.DurationVar(&c.Pace, "pace", 0, "spread the packets of a frame over this time; 0: over TCP none, over UDP half a frame")
	f.BoolVar(&c.Uneven, "uneven", false, "publish packets of uneven sizes")
	f.StringVar(&c.SRTP, "srtp", "", "offer this SRTP profile only: gcm or cm80")
	f.BoolVar(&c.GRO, "gro", true, "let the kernel hand over runs of datagrams as one (UDP, Linux)")
	f.IntVar(&c.Ramp, "ramp", 200, "joins started per second")
	f.IntVar(&c.Verify, "verify", 20, "decrypt and check at 1 of so many viewers; 0: at none")
	f.StringVar(&c.Bearer, "token", "", "bearer token")
	f.IntVar(&c.PID, "pid", 0, "process id of the server, to measure its CPU and memory")
	f.BoolVar(&c.JSON, "json", false, "print the result as JSON")
	f.StringVar(&c.Report, "report", "", "write a report in HTML to this `file`")
	f.BoolVar(&c.plain, "plain", false, "with -floor: encrypt nothing, as HTTP-FLV doesn't")
	f.BoolVar(&c.floor, "floor", false, "measure the least that -n viewers can cost, without a server")
	f.IntVar(&c.audio, "audio", 50, "audio packets a second of the floor")
	f.StringVar(&c.sink, "sink", "", "")
	return f
}

func parseFlags(args []string, stderr io.Writer) (command, error) {
	var c command
	f := c.flags()
	err := f.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stderr, usage)
		shown := flag.NewFlagSet("", flag.ContinueOnError)
		shown.SetOutput(stderr)
		f.VisitAll(func(one *flag.Flag) {
			if one.Usage != "" { // -sink is for ourselves
				shown.Var(one.Value, one.Name, one.Usage)
			}
		})
		shown.PrintDefaults()
		return c, err
	}
	if err != nil {
		return c, err
	}
	if f.NArg() > 0 {
		return c, fmt.Errorf("%q is not a flag; see oneport bench -h", f.Arg(0))
	}
	if c.Verify == 0 {
		c.Verify = -1
	}
	if c.Pace < 0 {
		return c, fmt.Errorf("-pace: %v is less than zero", c.Pace)
	}
	return c, positive(f, "d", "kbps", "fps", "ramp", "streams")
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
