"use strict";
// Before the page is drawn: there is a script, and the reader has chosen a theme.
{
  const root = document.documentElement;
  root.classList.add("js");
  try {
    if (localStorage.theme) root.dataset.theme = localStorage.theme;
  } catch {
    // Without storage, the theme is that of the reader's system.
  }
}
