package bench

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A server that is starting is waited for, but not for ever; what else is wrong is not waited for at all.
func TestAwaitListener(t *testing.T) {
	refused := fmt.Errorf("dial: %w", syscall.ECONNREFUSED)
	for _, test := range []struct {
		name    string
		refuses int
		then    error
		takes   time.Duration
	}{
		{"it listens", 0, nil, 0},
		{"it listens soon", 10, nil, 500 * time.Millisecond},
		{"it never listens", 1000, nil, startPatience},
		{"it can't be reached", 0, errors.New("no route to host"), 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began, left := time.Now(), test.refuses
				awaitListener(t.Context(), func(context.Context) error {
					if left > 0 {
						left--
						return refused
					}
					return test.then
				})
				if took := time.Since(began); took != test.takes {
					t.Errorf("it took %v, want %v", took, test.takes)
				}
			})
		})
	}
}
