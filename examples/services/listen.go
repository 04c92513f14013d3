package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"strconv"
	"strings"
	"time"
)

var (
	position string // after the newest message that was handled
	pause    = time.Second
)

type message struct {
	Type      string
	Recovered *bool
	Data      json.RawMessage
}

func handle(m message) {
	switch {
	case m.Type == "event":
		fmt.Println(string(m.Data))
	case m.Type == "gap", m.Recovered != nil && !*m.Recovered:
		fmt.Println("missed some: load the orders from the database")
	case m.Type == "subscribed":
		fmt.Println("subscribed")
	}
}

func listen() error {
	request, _ := http.NewRequest("GET", "http://127.0.0.1:3000/sse?channel=orders", nil)
	request.Header.Set("Last-Event-ID", position)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	// The server sends at least a comment every 30 s.
	silence := time.AfterFunc(time.Minute, func() { response.Body.Close() })
	defer silence.Stop()

	lastID, data := position, ""
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		silence.Reset(time.Minute)
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch {
		case field == "id":
			lastID = value
		case field == "data":
			data += value
		case field == "retry":
			milliseconds, _ := strconv.Atoi(value)
			pause = time.Duration(milliseconds) * time.Millisecond
		case field == "" && data != "":
			var m message
			if err := json.Unmarshal([]byte(data), &m); err != nil {
				return err
			}
			handle(m)
			position, data = lastID, ""
		}
	}
	return lines.Err()
}

func main() {
	for {
		if err := listen(); err != nil {
			log.Println("reconnecting:", err)
		}
		time.Sleep(pause)
	}
}
