package sandbox

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/duolog/duolog/adapters/sandboxkit"
)

// shell is what paths the API does not know answer: the web application, with status 200.
const shell = "<!doctype html><html><head><title>Aloware</title></head><body><div id=\"app\"></div></body></html>\n"

func (s *Sandbox) routes() http.Handler {
	api := http.NewServeMux()
	api.HandleFunc("POST /api/v1/webhook/forms", s.forms)
	api.HandleFunc("GET /api/v1/webhook/contact/phone-number", s.lookup)
	api.HandleFunc("GET /api/v1/webhook/users", s.users)
	api.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		_, _ = io.WriteString(w, shell)
	})
	mux := http.NewServeMux()
	s.control(mux)
	mux.Handle("/", s.injector.Wrap(s.limited(api)))
	return mux
}

func (s *Sandbox) limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ok, _ := s.window.Take(s.cfg.Clock()); !ok {
			tooMany(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func tooMany(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	say(w, http.StatusTooManyRequests, "Too Many Attempts.")
}

func say(w http.ResponseWriter, status int, message string) {
	sandboxkit.WriteJSON(w, status, map[string]string{"message": message})
}

func complain(w http.ResponseWriter, status int, text string) {
	sandboxkit.WriteJSON(w, status, map[string]string{"error": text})
}

// admits answers 401 to a missing or wrong token.
func (s *Sandbox) admits(w http.ResponseWriter, token string) bool {
	if token == "" || (s.cfg.Token != "" && token != s.cfg.Token) {
		say(w, http.StatusUnauthorized, "Unauthenticated.")
		return false
	}
	return true
}

func (s *Sandbox) lookup(w http.ResponseWriter, r *http.Request) {
	if !s.admits(w, r.URL.Query().Get("api_token")) {
		return
	}
	phone, ok := e164(r.URL.Query().Get("phone_number"))
	if !ok {
		complain(w, http.StatusBadRequest, "Phone number is empty or invalid.")
		return
	}
	shown, ok := s.find(phone)
	if !ok {
		complain(w, http.StatusNotFound, "Contact not found.")
		return
	}
	sandboxkit.WriteJSON(w, http.StatusOK, shown)
}

// find returns what the contact with the phone shows.
func (s *Sandbox) find(phone string) (map[string]any, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Reads++
	c := s.contacts[s.phones[phone]]
	if c == nil {
		return nil, false
	}
	return maps.Clone(c.shown), true
}

// users lists an admin, an agent, and one that was deleted, which the real API shows by its email.
func (s *Sandbox) users(w http.ResponseWriter, r *http.Request) {
	if !s.admits(w, r.URL.Query().Get("api_token")) {
		return
	}
	s.mu.Lock()
	list := slices.Clone(s.people)
	s.mu.Unlock()
	sandboxkit.WriteJSON(w, http.StatusOK, list)
}

func (s *Sandbox) firstUsers() []map[string]any {
	return []map[string]any{
		{"id": 1, "company_id": s.cfg.CompanyID, "name": "Dana Ortiz", "email": "dana@acme.example"},
		{"id": 2, "company_id": s.cfg.CompanyID, "name": "Sam Oldman", "email": "sam_deleted_@acme.example"},
		{"id": 3, "company_id": s.cfg.CompanyID, "name": "Priya Shah", "email": "Priya.Shah@acme.example"},
	}
}

// AddUser gives somebody a seat in the account, and returns the user's id.
func (s *Sandbox) AddUser(email, name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := len(s.people) + 1
	s.people = append(s.people, map[string]any{"id": id, "company_id": s.cfg.CompanyID, "name": name, "email": email})
	return strconv.Itoa(id)
}

// forms upserts by phone. Without force_update an existing phone is refused; with it every accepted POST counts as a
// notification, whether it changed anything or not.
func (s *Sandbox) forms(w http.ResponseWriter, r *http.Request) {
	var in map[string]json.RawMessage
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&in); err != nil || in == nil {
		complain(w, http.StatusBadRequest, "Malformed JSON.")
		return
	}
	token, _ := scalar(in["api_token"])
	if !s.admits(w, token) {
		return
	}
	status, answer := s.accept(in)
	sandboxkit.WriteJSON(w, status, answer)
}

func (s *Sandbox) accept(in map[string]json.RawMessage) (int, any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Posts++
	number, _ := scalar(in["phone_number"])
	phone, ok := e164(number)
	if !ok {
		return http.StatusBadRequest, map[string]string{"error": "Phone number is empty or invalid."}
	}
	values, complaints := s.take(in)
	force, forceFault := flag(in["force_update"])
	if forceFault {
		complaints["force_update"] = "The force update field must be true or false."
	}
	if len(complaints) > 0 {
		return http.StatusUnprocessableEntity, invalid(complaints)
	}
	found := s.contacts[s.phones[phone]]
	if found != nil && !force {
		return http.StatusConflict, map[string]string{"error": "Contact already exists"}
	}
	s.stats.Writes++
	if found == nil {
		s.stats.Created++
		found = s.blank(phone, "form-capture")
		found.set(values)
		s.insert(found)
	} else {
		s.change(found, values)
	}
	found.notifications++
	return http.StatusOK, map[string]string{"message": "Contact saved."}
}

func flag(raw json.RawMessage) (on, fault bool) {
	text, _ := scalar(raw)
	if text == "" {
		return false, false
	}
	v, complaint := truth(text)
	on, _ = v.(bool)
	return on, complaint != ""
}

// invalid is the framework's validation answer.
func invalid(complaints map[string]string) any {
	errors := map[string][]string{}
	for name, text := range complaints {
		errors[name] = []string{text}
	}
	return map[string]any{"message": "The given data was invalid.", "errors": errors}
}
