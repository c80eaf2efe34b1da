package main

import (
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"oneport/config"
	"oneport/server"
)

//go:embed conf/oneport.conf
var builtIn []byte

// options are the command line's.
type options struct {
	file                                                     string
	test, envOnly, version, signature, help, verbose, noFile bool
}

const usage = `oneport carries live video through one port: WebRTC over TCP and UDP, RTMP, HTTP-FLV, HTTP-TS, HLS and DASH, its pages and
its API, in the clear and inside TLS; SRT has a UDP port of its own.

Usage: oneport [-c FILE | -e] [-t]      without -c, everything is on port 8080
       oneport bench -h                 the load generator

`

// command runs the server as the arguments and the environment say, until a signal ends it, and returns the exit code.
func command(args, environ []string, stdout, stderr io.Writer) int {
	var o options
	flags := flag.NewFlagSet("oneport", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.file, "c", "", "read the configuration from `FILE`")
	flags.BoolVar(&o.test, "t", false, "test the configuration, print it as it would be in force, and exit")
	flags.BoolVar(&o.envOnly, "e", false, "no file and no built-in configuration: the environment alone")
	flags.BoolVar(&o.version, "v", false, "print the version and exit")
	flags.BoolVar(&o.version, "V", false, "print the version and exit")
	flags.BoolVar(&o.signature, "g", false, "print the name by which HTTP clients know the server and exit")
	flags.BoolVar(&o.signature, "G", false, "print the name by which HTTP clients know the server and exit")
	flags.BoolVar(&o.help, "?", false, "print this help and exit")
	flags.BoolVar(&o.verbose, "debug", false, "log what only a developer wants to know")
	flags.Usage = func() {
		fmt.Fprint(stderr, usage)
		flags.PrintDefaults()
	}
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 1
	case flags.NArg() > 0:
		fmt.Fprintf(stderr, "oneport: %q is not understood: see oneport -h\n", flags.Arg(0))
		return 1
	case o.help:
		flags.Usage()
		return 0
	case o.version:
		fmt.Fprintf(stdout, "oneport %s (%s %s/%s)\n", server.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return 0
	case o.signature:
		fmt.Fprintf(stdout, "oneport/%s\n", server.Version())
		return 0
	}
	flags.Visit(func(f *flag.Flag) { o.noFile = o.noFile || f.Name == "c" && o.file == "" })
	return run(o, environ, stdout, stderr)
}

func run(o options, environ []string, stdout, stderr io.Writer) int {
	log := newLog(stderr, o.verbose)
	var c server.Config
	report, err := load(o, environ, &c, log)
	if err == nil && o.test {
		err = c.CheckFiles()
	}
	if err != nil {
		fmt.Fprintf(stderr, "oneport: %v\n", err)
		return 1
	}
	if o.test {
		if err := report.WriteValues(stdout); err != nil {
			fmt.Fprintf(stderr, "oneport: %v\n", err)
			return 1
		}
		fmt.Fprintln(stdout, "the configuration is good")
		return 0
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(stop)
	s, err := server.Open(&c, log)
	if err != nil {
		fmt.Fprintf(stderr, "oneport: %v\n", err)
		return 1
	}
	greet(stdout, s, &c)
	got := <-stop
	signal.Stop(stop) // a second one ends the process where it stands
	log.Info("stopping", "signal", got.String())
	s.Close()
	return 0
}

// newLog logs as text: what a person reads on a console and a machine can still take apart.
func newLog(w io.Writer, verbose bool) *slog.Logger {
	level := slog.LevelInfo
	if verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}

// load reads the configuration: the file of -c or SRS_CONFIG_FILE, else the built-in one; with -e neither. The environment
// goes before all of them. What there is to warn of is logged also where there is an error: it may be the reason.
func load(o options, environ []string, c *server.Config, log *slog.Logger) (*config.Report, error) {
	if o.noFile {
		return nil, errors.New("the file of -c is empty: name one, or leave -c out for the built-in configuration")
	}
	path, envOnly := config.Locate(environ, o.file, o.envOnly)
	in := config.Input{
		Source:  config.Source{Path: "built-in configuration", Text: builtIn},
		Include: readFile,
		Environ: environ,
		EnvOnly: envOnly,
	}
	if envOnly && o.file != "" {
		log.Warn("the environment alone counts (-e, SRS_ENV_ONLY): the file of -c is ignored", "file", o.file)
	}
	if path != "" {
		text, err := readFile(path)
		if err != nil {
			return nil, fmt.Errorf("the configuration file can't be read (-c, SRS_CONFIG_FILE): %w", err)
		}
		in.Source = config.Source{Path: path, Text: text}
	}
	report, err := config.Load(in, c)
	for _, w := range report.Warnings.List {
		log.Warn(w.Error())
	}
	if err == nil {
		for _, w := range c.Warnings() {
			log.Warn(w)
		}
	}
	for _, u := range report.Unread {
		log.Warn(u.String())
	}
	return report, err
}

// readFile reads no more than shows that a file is too long.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, config.MaxFile+1))
}

// greet says what to open: addresses that are listened on. A page may use a camera by localhost and by HTTPS alone.
func greet(w io.Writer, s *server.Server, c *server.Config) {
	fmt.Fprintf(w, "oneport %s\n", server.Version())
	for _, line := range s.Summary() {
		fmt.Fprintln(w, "  "+line)
	}
	if at, ok := c.PagesAt(); ok {
		fmt.Fprintf(w, "open http://%s/ to publish and watch\n", named(at, "localhost"))
	}
	if at, fingerprint, ok := s.Secure(); ok && !at.Addr().IsLoopback() {
		fmt.Fprintf(w, "from other machines, open https://%s/ (certificate SHA-256 %s)\n", named(at, "ADDRESS"), fingerprint)
	}
}

// named is an address as URLs have it, with a name for every one.
func named(at netip.AddrPort, every string) string {
	if at.Addr().IsUnspecified() {
		return fmt.Sprintf("%s:%d", every, at.Port())
	}
	return at.String()
}
