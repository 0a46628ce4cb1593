package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Server serves a handler with time limits and stops gracefully.
type Server struct {
	Handler http.Handler
	Logger  *slog.Logger
	// Grace is how long running requests may take after a stop is asked for. Default 10 s.
	Grace time.Duration
}

// Limits of a connection. A page of the feed sets its own write deadline.
const (
	headerTime = 5 * time.Second
	readTime   = 15 * time.Second
	writeTime  = 60 * time.Second
	idleTime   = 2 * time.Minute
	maxHeader  = 32 << 10
)

// Serve serves the listener until ctx ends, then lets running requests finish. It closes the listener.
func (s Server) Serve(ctx context.Context, l net.Listener) error {
	if s.Grace == 0 {
		s.Grace = 10 * time.Second
	}
	if s.Logger == nil {
		s.Logger = slog.Default()
	}
	srv := &http.Server{
		Handler: known(s.Handler), ConnContext: withPeer, ReadHeaderTimeout: headerTime, ReadTimeout: readTime, WriteTimeout: writeTime,
		IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.WithoutCancel(ctx), stoppingKey{}, ctx)
		},
		ErrorLog: slog.NewLogLogger(s.Logger.Handler(), slog.LevelWarn),
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { stopped <- s.shutdown(ctx, srv) })
	err := srv.Serve(l)
	if stop() || !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve http: %w", err)
	}
	return <-stopped
}

func (s Server) shutdown(ctx context.Context, srv *http.Server) error {
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Grace)
	defer cancel()
	if err := srv.Shutdown(grace); err != nil {
		_ = srv.Close()
		return fmt.Errorf("stop http: requests still running after %s: %w", s.Grace, err)
	}
	return nil
}
