package sandbox

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/duolog/duolog/adapters/sandboxkit"
)

// dated maps each API's date-based paths to the numbered ones that serve them.
var dated = []struct {
	from *regexp.Regexp
	to   string
}{
	{regexp.MustCompile(`^/crm/objects/\d{4}-\d{2}/([^/]+/[^/]+/associations/)`), "/crm/v4/objects/$1"},
	{regexp.MustCompile(`^/crm/objects/\d{4}-\d{2}/`), "/crm/v3/objects/"},
	{regexp.MustCompile(`^/crm/properties/\d{4}-\d{2}/`), "/crm/v3/properties/"},
	{regexp.MustCompile(`^/crm/pipelines/\d{4}-\d{2}/`), "/crm/v3/pipelines/"},
	{regexp.MustCompile(`^/crm/owners/\d{4}-\d{2}(/|$)`), "/crm/v3/owners$1"},
	{regexp.MustCompile(`^/crm/associations/\d{4}-\d{2}/`), "/crm/v4/associations/"},
	{regexp.MustCompile(`^/account-info/\d{4}-\d{2}/`), "/account-info/v3/"},
	{regexp.MustCompile(`^/oauth/(v3|\d{4}-\d{2})/`), "/oauth/v1/"},
}

func numbered(path string) string {
	for _, d := range dated {
		if d.from.MatchString(path) {
			return d.from.ReplaceAllString(path, d.to)
		}
	}
	return path
}

// call is one API request, with the lock held.
type call struct {
	*http.Request
	table *table
	by    author
}

// answer is what a call gives back: a status and a JSON body, or a problem.
type answer func(c call) (int, any, *problem)

func (s *Sandbox) routes() http.Handler {
	api := http.NewServeMux()
	s.objectRoutes(api)
	s.batchRoutes(api)
	s.propertyRoutes(api)
	s.catalogRoutes(api)
	s.associationRoutes(api)
	api.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "<html><body>404 Not Found</body></html>", http.StatusNotFound)
	})
	guarded := s.inject.Wrap(s.limited(s.authenticated(api)))

	mux := http.NewServeMux()
	mux.Handle("POST /oauth/v1/token", s.inject.Wrap(http.HandlerFunc(s.token)))
	mux.Handle("POST /oauth/v1/token/introspect", s.inject.Wrap(http.HandlerFunc(s.introspect)))
	mux.Handle("POST /oauth/v2/private-apps/get/access-token-info", s.inject.Wrap(http.HandlerFunc(s.tokenInfo)))
	mux.HandleFunc("GET /oauth/authorize", s.authorize)
	s.control(mux)
	mux.Handle("/", guarded)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r2 := r.Clone(r.Context())
		r2.URL.Path = strings.TrimSuffix(numbered(r.URL.Path), "/")
		if strings.HasPrefix(r.URL.Path, "/_sandbox/") {
			r2.URL.Path = r.URL.Path
		}
		r2.URL.RawPath = ""
		mux.ServeHTTP(w, r2)
	})
}

// limited counts the request and refuses it above the limit; searches have a limit of their own, and no headers.
func (s *Sandbox) limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isSearch(r) {
			if ok, _ := s.search.Take(s.cfg.Clock()); !ok {
				s.writeLimited(w, r)
				return
			}
			next.ServeHTTP(w, r)
			return
		}
		ok, left := s.burst.Take(s.cfg.Clock())
		if !ok {
			s.writeLimited(w, r)
			return
		}
		s.limitHeaders(w, left)
		next.ServeHTTP(w, r)
	})
}

func isSearch(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/search") }

// on registers a handler that runs with the portal locked; writes is true when it changes records.
func (s *Sandbox) on(mux *http.ServeMux, pattern string, writes bool, do answer) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 10<<20))
		if err != nil {
			invalid("the body cannot be read").write(w)
			return
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		status, v, p := s.locked(r, writes, do)
		switch {
		case p != nil:
			p.write(w)
		case v == nil:
			w.WriteHeader(status)
		default:
			sandboxkit.WriteJSON(w, status, v)
		}
	})
}

func (s *Sandbox) locked(r *http.Request, writes bool, do answer) (int, any, *problem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := call{Request: r, by: author{"INTEGRATION", s.cfg.AppID}}
	if typ := r.PathValue("type"); typ != "" {
		if c.table = s.tables[typ]; c.table == nil {
			return 0, nil, invalid("Unable to infer object type from: " + typ)
		}
	}
	if !writes {
		s.reads++
	}
	status, v, p := do(c)
	// The answer may hold the portal's own state: it is written before the lock is released.
	if v != nil {
		b, err := json.Marshal(v)
		if err != nil {
			return 0, nil, newProblem(http.StatusInternalServerError, "INTERNAL_ERROR", "answer cannot be encoded")
		}
		v = json.RawMessage(b)
	}
	return status, v, p
}

// decode reads the JSON body of a call.
func decode(c call, v any) *problem {
	err := json.NewDecoder(c.Body).Decode(v)
	if err != nil && !errors.Is(err, io.EOF) {
		return invalid("Invalid input JSON on line 1, column 1: " + err.Error())
	}
	return nil
}
