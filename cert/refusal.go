package cert

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/acme"
)

// How long to wait after an order that failed, twice as long after each further one. An authority counts what it has refused
// (Let's Encrypt: five an hour for a name, and an order may be two), while a network that is not there yet costs nothing.
const (
	firstWait        = 10 * time.Second
	longestWait      = 20 * time.Minute
	firstRefusalWait = 20 * time.Minute
	longestRefusal   = 6 * time.Hour
	longestLimit     = 7 * 24 * time.Hour
)

// patience is how long to wait after an order that failed for the given time in a row, counted from zero.
func patience(err error, failures int) time.Duration {
	first, longest := firstWait, longestWait
	if refused(err) {
		first, longest = firstRefusalWait, longestRefusal
	}
	wait := min(first<<min(failures, 12), longest)
	if told, ok := limited(err); ok {
		wait = min(max(wait, told), longestLimit)
	}
	return wait
}

// limited tells whether the authority has given enough for now, and for how long.
func limited(err error) (time.Duration, bool) {
	if problem, ok := errors.AsType[*acme.Error](err); ok {
		return acme.RateLimit(problem)
	}
	return 0, false
}

// refused tells what the authority has answered from what has not come so far.
func refused(err error) bool {
	_, unproved := errors.AsType[*acme.AuthorizationError](err)
	_, ordered := errors.AsType[*acme.OrderError](err)
	problem, told := errors.AsType[*acme.Error](err)
	return unproved || ordered || told && problem.StatusCode < 500
}

// advice is what a person can do about an error.
func (a *Account) advice(domain string, err error) string {
	_, answered := errors.AsType[*acme.Error](err)
	_, enough := limited(err)
	_, unproved := errors.AsType[*acme.AuthorizationError](err)
	switch {
	case unproved:
		return fmt.Sprintf("see that %s leads to this server, also from outside, and that port 443 or 80 there comes to a port of oneport: %s",
			domain, strings.Join(a.ways, " or "))
	case !refused(err) && !answered:
		return "see that this server can reach " + a.settings.Directory + " and that its clock is right"
	case enough:
		return "the authority has given enough for now; to try things out, use its staging directory"
	}
	return "the authority refuses: its words say why"
}
