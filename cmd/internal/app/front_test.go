package app_test

import (
	"io"
	"net/http"
	"sync/atomic"
)

// nonsense is a proxy that answers its own page with 200 while it is on.
type nonsense struct{ on atomic.Bool }

func (n *nonsense) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !n.on.Load() {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<html>please log in</html>")
	})
}
