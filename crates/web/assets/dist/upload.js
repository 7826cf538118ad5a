var a=document.querySelector("[data-again]");a&&setTimeout(()=>location.reload(),Number(a.dataset.again));
