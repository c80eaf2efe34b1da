package bench

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// process is a running program, seen through Linux's /proc.
type process struct{ stat, status string }

func openProcess(pid int) (*process, error) {
	p := &process{fmt.Sprintf("/proc/%d/stat", pid), fmt.Sprintf("/proc/%d/status", pid)}
	if _, err := p.cpu(); err != nil {
		return nil, fmt.Errorf("-pid: can't read process %d (this needs Linux): %w", pid, err)
	}
	return p, nil
}

// cpu is processor time in seconds.
type cpu struct{ user, system float64 }

func (c cpu) total() float64  { return c.user + c.system }
func (c cpu) minus(o cpu) cpu { return cpu{c.user - o.user, c.system - o.system} }

// cpu returns the processor time used so far.
func (p *process) cpu() (cpu, error) {
	b, err := os.ReadFile(p.stat)
	if err != nil {
		return cpu{}, err
	}
	return parseStat(b)
}

// parseStat takes utime and stime from /proc/PID/stat, in ticks of 1/100 s. The program's name may hold spaces and brackets.
func parseStat(b []byte) (cpu, error) {
	const utime, stime, ticks = 11, 12, 100
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) <= stime {
		return cpu{}, errors.New("stat: too short")
	}
	user, err := strconv.ParseUint(string(fields[utime]), 10, 64)
	if err != nil {
		return cpu{}, fmt.Errorf("stat: utime: %w", err)
	}
	system, err := strconv.ParseUint(string(fields[stime]), 10, 64)
	if err != nil {
		return cpu{}, fmt.Errorf("stat: stime: %w", err)
	}
	return cpu{float64(user) / ticks, float64(system) / ticks}, nil
}

// rss returns the resident memory in KB.
func (p *process) rss() (float64, error) {
	b, err := os.ReadFile(p.status)
	if err != nil {
		return 0, err
	}
	return parseStatus(b)
}

func parseStatus(b []byte) (float64, error) {
	_, after, ok := bytes.Cut(b, []byte("VmRSS:"))
	fields := bytes.Fields(after)
	if !ok || len(fields) == 0 {
		return 0, errors.New("status: no VmRSS")
	}
	return strconv.ParseFloat(string(fields[0]), 64)
}

// costs are what server and generator had used at an instant.
type costs struct {
	at          time.Time
	server, own cpu
}

func (l *load) costs() costs {
	c := costs{at: time.Now(), own: ownCPU()}
	if l.server != nil {
		if used, err := l.server.cpu(); err == nil {
			c.server = used
		}
	}
	return c
}
